"""The database keeps each document once, replaces it whole, and finds the nearest passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from knowledge.chunking import Chunk
from knowledge.passage_store import PassageStore

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.embedding import Vectors


def test_a_document_that_is_written_twice_is_stored_once(tmp_path: Path) -> None:
    store = PassageStore(tmp_path)
    chunks = [chunk("a.md", "one"), chunk("a.md", "two")]

    for _ in range(2):
        store.replace("a.md", chunks, vectors([1, 0], [0, 1]))

    assert store.count() == 2


def test_a_document_that_changed_replaces_what_it_said_before(tmp_path: Path) -> None:
    store = PassageStore(tmp_path)
    store.replace("a.md", [chunk("a.md", "old"), chunk("a.md", "kept")], vectors([1, 0], [0, 1]))
    store.replace("b.md", [chunk("b.md", "other")], vectors([1, 1]))

    store.replace("a.md", [chunk("a.md", "kept")], vectors([0, 1]))

    found = store.nearest(vectors([1, 0])[0], count=10)
    assert [(passage.source, passage.text) for passage in found] == [
        ("b.md", "other"),
        ("a.md", "kept"),
    ]


def test_a_write_that_fails_half_way_changes_nothing(tmp_path: Path) -> None:
    store = PassageStore(tmp_path)
    store.replace("a.md", [chunk("a.md", "old")], vectors([1, 0]))

    with pytest.raises(ValueError, match="zip"):
        store.replace("a.md", [chunk("a.md", "new")], vectors([1, 0], [0, 1]))
    with pytest.raises(Exception, match="UNIQUE"):
        store.replace("a.md", [chunk("a.md", "new")] * 2, vectors([1, 0], [0, 1]))

    assert [passage.text for passage in store.nearest(vectors([1, 0])[0], count=9)] == ["old"]


def test_the_nearest_come_best_first_with_their_scores_and_no_text_twice(tmp_path: Path) -> None:
    store = PassageStore(tmp_path)
    store.replace("a.md", [chunk("a.md", "east"), chunk("a.md", "north")], vectors([1, 0], [0, 1]))
    store.replace("b.md", [chunk("b.md", "east")], vectors([1, 0]))

    found = store.nearest(vectors([1, 0])[0], count=2)

    assert [passage.text for passage in found] == ["east", "north"]
    assert [passage.score for passage in found] == pytest.approx([1, 0], abs=1e-6)


def test_passages_and_their_completeness_outlive_the_store(tmp_path: Path) -> None:
    store = PassageStore(tmp_path)
    store.begin_run()
    store.replace("a.md", [chunk("a.md", "one")], vectors([1, 0]))
    assert not PassageStore(tmp_path).is_complete()

    store.end_run()

    again = PassageStore(tmp_path)
    assert again.is_complete()
    assert again.count() == 1


def chunk(source: str, text: str) -> Chunk:
    """Returns a chunk whose id is its source and text."""
    return Chunk(f"{source} {text}", source, title="title", text=text)


def vectors(*rows: list[float]) -> Vectors:
    """Returns an array with these rows."""
    return np.array(rows, dtype=np.float32)
