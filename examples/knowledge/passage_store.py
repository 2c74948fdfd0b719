"""Keeps chunks and their vectors in one SQLite file and finds the nearest to a vector.

Owns the database: its table, its transactions, its queries. Does not own what a vector means.
Every write is one transaction that replaces a whole document, so that a write that is repeated,
or cut off by the death of its process, leaves the same passages as one undisturbed write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw
import sqlite_vec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from knowledge.chunking import Chunk
    from knowledge.embedding import Vectors

FILE_NAME = "passages.sqlite"
BUSY_MILLISECONDS_MAX = 30_000

SCHEMA = """
    CREATE TABLE IF NOT EXISTS passages (
        id TEXT PRIMARY KEY, source TEXT, title TEXT, text TEXT, vector BLOB
    );
    CREATE INDEX IF NOT EXISTS passages_by_source ON passages (source);
"""
NEAREST = """
    SELECT source, title, text, 1 - vec_distance_cosine(vector, ?) AS score
    FROM passages ORDER BY score DESC, id LIMIT ?
"""
# Several documents may hold one text, such as a docstring that is copied from class to class.
COPIES_MAX = 8


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored chunk that answers a question, and how near it comes (1 is the same)."""

    source: str
    title: str
    text: str
    score: float


class PassageStore:
    """The passages in a folder; made there if there are none. One process writes at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = apsw.Connection(str(folder / FILE_NAME))
        self._database.set_busy_timeout(BUSY_MILLISECONDS_MAX)
        self._database.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1)
        self._database.load_extension(sqlite_vec.loadable_path())
        self._database.pragma("journal_mode", "wal")
        # What is committed outlives the process; only a power cut may lose the last documents.
        self._database.pragma("synchronous", "normal")
        self._database.execute(SCHEMA)

    def replace(self, source: str, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Makes these chunks the only passages of a document, or changes nothing."""
        rows = [
            (chunk.id, chunk.source, chunk.title, chunk.text, vector.tobytes())
            for chunk, vector in zip(chunks, vectors, strict=True)
        ]
        with self._database:
            self._database.execute("DELETE FROM passages WHERE source = ?", (source,))
            self._database.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?)", rows)

    def nearest(self, vector: Vectors, *, count: int) -> list[Passage]:
        """Returns the passages nearest to a vector, best first, no text twice."""
        rows = self._database.execute(NEAREST, (vector.tobytes(), count * COPIES_MAX))
        first_of_each_text: dict[str, Passage] = {}
        for row in rows:
            passage = Passage(*row)
            first_of_each_text.setdefault(passage.text, passage)
        return list(first_of_each_text.values())[:count]

    def count(self) -> int:
        """Returns the number of stored passages."""
        return int(self._database.execute("SELECT count(*) FROM passages").get)

    def begin_run(self) -> None:
        """Remembers that documents are being added, so that the passages may be incomplete."""
        self._database.pragma("user_version", 0)

    def end_run(self) -> None:
        """Remembers that every document of the run has been added."""
        self._database.pragma("user_version", 1)

    def is_complete(self) -> bool:
        """Says whether the last run reached its end."""
        return bool(self._database.pragma("user_version"))
