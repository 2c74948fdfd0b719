"""Objects that are freed by name: what goes, what stays, and who is told.

Owns `aktis.internal.free`. Objects that go with their last ref are in `test_objects`.
"""

from __future__ import annotations

import numpy as np
import pytest

import aktis
from aktis.exceptions import ObjectFreedError
from aktis.internal import free

pytestmark = pytest.mark.usefixtures("session")

LARGE = np.arange(1_000_000)


def test_who_reads_a_large_object_that_was_freed_is_told() -> None:
    ref = aktis.put(LARGE)

    free(ref)

    with pytest.raises(ObjectFreedError, match="was freed by name"):
        aktis.get(ref)


def test_a_task_whose_argument_was_freed_is_not_run() -> None:
    ref = aktis.put(LARGE)

    free([ref])

    with pytest.raises(ObjectFreedError, match="was freed by name"):
        aktis.get(length.remote(ref))


def test_what_a_task_made_can_be_freed_where_it_is_used() -> None:
    ref = make.remote()
    aktis.wait([ref])

    aktis.get(free_there.remote([ref]))

    with pytest.raises(ObjectFreedError):
        aktis.get(ref)


def test_who_has_read_an_object_keeps_what_was_read() -> None:
    ref = aktis.put(LARGE)
    read = aktis.get(ref)

    free(ref)
    others = [aktis.put(np.zeros_like(LARGE)) for _ in range(3)]

    assert len(others) == 3
    assert np.array_equal(read, LARGE)


def test_a_small_value_stays_with_its_ref() -> None:
    ref = aktis.put("small")

    free(ref)

    assert aktis.get(ref) == "small"


def test_freeing_twice_and_letting_the_ref_go_is_no_harm() -> None:
    ref = aktis.put(LARGE)

    free([ref, ref])
    free(ref)
    del ref

    assert aktis.get(length.remote(aktis.put(LARGE))) == len(LARGE)


def test_what_is_no_ref_is_refused() -> None:
    with pytest.raises(TypeError, match=r"free\(\) takes an ObjectRef or a list of them, not 3"):
        free([3])  # type: ignore[list-item]


@aktis.remote
def length(array: np.ndarray) -> int:
    return len(array)


@aktis.remote
def make() -> np.ndarray:
    return np.ones(1_000_000)


@aktis.remote
def free_there(refs: list[aktis.ObjectRef[np.ndarray]]) -> None:
    free(refs)
