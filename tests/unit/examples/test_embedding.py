"""The model loads from its package alone, and puts meaning before spelling."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from knowledge.chunking import Chunk
from knowledge.embedding import DIMENSIONS, Model


def test_the_model_loads_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        msg = "the model asked for a network"
        raise AssertionError(msg)

    monkeypatch.setattr(socket.socket, "connect", refuse)

    vectors = Model().embed(["a text", "another, somewhat longer, text"])

    assert vectors.shape == (2, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_text_with_the_same_meaning_is_nearer_than_one_with_the_same_words() -> None:
    question, same_meaning, same_words = Model().embed(
        ["delete a directory", "removes the folder", "telephone directory of the city"]
    )

    assert question @ same_meaning > question @ same_words


def test_no_texts_give_no_vectors() -> None:
    assert Model().embed([]).shape == (0, DIMENSIONS)


def test_the_vector_of_a_chunk_depends_on_its_title_and_its_text() -> None:
    first, other_title, other_text = Model().embed_chunks(
        [
            Chunk("1", "a.md", "Bread", "Mix and wait."),
            Chunk("2", "a.md", "Paint", "Mix and wait."),
            Chunk("3", "a.md", "Bread", "Bake it hot."),
        ]
    )

    assert first @ other_title < 0.99
    assert first @ other_text < 0.99
