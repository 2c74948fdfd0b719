"""What happens when more is put than the store holds: it is spilled, nothing is lost.

Owns a store of 80 MB. Lifetimes of objects are in `tests/conformance/test_objects`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.exceptions import ObjectStoreFullError
from tests.conformance.waiting import Gate, wait_for

STORE_BYTES = 80 * 1024**2
ARRAY_BYTES = 10 * 1024**2
COUNT = 30


@pytest.fixture(autouse=True)
def session(tmp_path: Path) -> Iterator[aktis.Context]:
    """A session with a small store that spills into the test's directory."""
    with aktis.init(
        address="local",
        num_cpus=2,
        object_store_memory=STORE_BYTES,
        object_spilling_directory=str(tmp_path / "spilled"),
    ) as context:
        yield context


def test_three_hundred_megabytes_in_a_store_of_eighty_are_all_read_back() -> None:
    refs = [aktis.put(array(index)) for index in range(COUNT)]

    for index in (*range(COUNT), *reversed(range(COUNT))):
        assert (aktis.get(refs[index]) == index).all()


def test_results_of_tasks_are_spilled_too() -> None:
    refs = [make.remote(index) for index in range(COUNT)]

    assert [int(aktis.get(ref)[-1]) for ref in refs] == [index % 256 for index in range(COUNT)]


def test_spilled_objects_can_be_arguments() -> None:
    refs = [aktis.put(array(index)) for index in range(COUNT)]

    sums = aktis.get([last.remote(ref) for ref in refs])

    assert sums == list(range(COUNT))


def test_spilled_files_lie_where_they_should_and_go_with_their_objects(tmp_path: Path) -> None:
    refs = [aktis.put(array(index)) for index in range(COUNT)]
    wait_for(lambda: spilled_bytes(tmp_path) >= COUNT * ARRAY_BYTES - STORE_BYTES)

    assert int(aktis.get(refs[0])[0]) == 0
    refs.clear()
    gc.collect()

    wait_for(lambda: spilled_bytes(tmp_path) == 0)


def test_what_is_deleted_in_time_is_never_spilled(tmp_path: Path) -> None:
    for index in range(COUNT):
        assert int(aktis.get(aktis.put(array(index)))[0]) == index
        gc.collect()

    assert spilled_bytes(tmp_path) == 0


def test_views_in_use_are_not_spilled_from_under_their_readers() -> None:
    ref = aktis.put(array(7))
    view = aktis.get(ref)
    others = [aktis.put(array(index)) for index in range(COUNT)]

    assert (view == 7).all()
    assert int(aktis.get(others[0])[0]) == 0


def test_an_object_larger_than_the_store_is_refused_and_nothing_breaks() -> None:
    with pytest.raises(ObjectStoreFullError, match="the object store is full: object"):
        aktis.put(np.full(2 * STORE_BYTES, 3, dtype=np.uint8))

    assert int(aktis.get(make.remote(5))[0]) == 5


def test_a_writer_that_is_killed_leaves_no_half_object(tmp_path: Path) -> None:
    @aktis.remote(max_retries=0)
    def put_until_killed(path: Path) -> None:
        path.write_text(str(os.getpid()))
        kept: list[Any] = []
        while True:
            kept.append(aktis.put(array(1)))
            if len(kept) == 4:
                Gate(path.with_suffix(".running")).open()
                kept.clear()

    path = tmp_path / "writer"
    ref = put_until_killed.remote(path)
    Gate(path.with_suffix(".running")).wait()
    os.kill(int(path.read_text()), signal.SIGKILL)
    with pytest.raises(aktis.exceptions.WorkerCrashedError):
        aktis.get(ref, timeout=30)

    refs = [aktis.put(array(index)) for index in range(7)]
    assert [int(aktis.get(each)[0]) for each in refs] == list(range(7))


def array(value: int) -> np.ndarray:
    """Ten megabytes of one value."""
    return np.full(ARRAY_BYTES, value % 256, dtype=np.uint8)


def spilled_bytes(directory: Path) -> int:
    """How much lies in the spilling directory."""
    total = 0
    for path in (directory / "spilled").rglob("*"):
        # It may be deleted while it is looked at.
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


@aktis.remote
def make(value: int) -> Any:
    return np.full(ARRAY_BYTES, value % 256, dtype=np.uint8)


@aktis.remote
def last(values: np.ndarray) -> int:
    return int(values[-1])
