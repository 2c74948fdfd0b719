"""What happens to one document: the values that pass from step to step and end in the report.

Owns the shape of results and of the record of work. Does not own how they are shown: `report` does.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knowledge.chunking import Chunk
    from knowledge.embedding import Vectors


@dataclass(frozen=True, slots=True)
class Work:
    """One step done for one document: which, for how long, and by which process."""

    step: str
    seconds: float
    process: int

    @classmethod
    def since(cls, started: float, step: str) -> Work:
        """Records a step that began at `started` on this process's `time.perf_counter`."""
        return cls(step, time.perf_counter() - started, os.getpid())


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document after parsing: its chunks."""

    source: str
    chunks: list[Chunk]
    work: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document after embedding: its chunks and a vector for each."""

    source: str
    chunks: list[Chunk]
    vectors: Vectors
    work: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A document that is in the database."""

    source: str
    chunks: int
    work: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is not in the database, and why."""

    source: str
    reason: str


Outcome = Stored | Skipped
