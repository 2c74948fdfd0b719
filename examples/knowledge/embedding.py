"""Turns text into vectors with a language model that is installed with its weights.

Owns how the model is loaded and what of a chunk it reads. Does not own where it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import wordllama
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.chunking import Chunk

DIMENSIONS = 256

Vectors = NDArray[np.float32]


class Model:
    """A loaded model. Loading takes a fraction of a second and 100 MB; it is worth keeping."""

    def __init__(self) -> None:
        # The package looks for its tokenizer in the cache folder only, so it is told to take its
        # own folder for the cache. Nothing may be fetched: the answer must not need a network.
        installed = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(
            dim=DIMENSIONS, cache_dir=installed, disable_download=True
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Returns one unit vector for each text, as the rows of an array."""
        vectors: Vectors = self._model.embed(list(texts), norm=True)
        return vectors

    def embed_chunks(self, chunks: Sequence[Chunk]) -> Vectors:
        """Returns one unit vector for each chunk, of its title and text together."""
        return self.embed([f"{chunk.title}\n{chunk.text}" for chunk in chunks])
