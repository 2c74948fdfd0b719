"""Ids: their sizes, their printed forms, and what they say of each other.

Owns the public classes; who counts ids up is the engine's.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from aktis import ids

SIZES: dict[type[Any], int] = {
    ids.JobID: 4,
    ids.ActorID: 16,
    ids.TaskID: 24,
    ids.NodeID: 28,
    ids.WorkerID: 28,
    ids.FunctionID: 28,
    ids.UniqueID: 28,
    ids.ActorClassID: 28,
    ids.PlacementGroupID: 18,
}


@pytest.mark.parametrize("kind", SIZES, ids=lambda kind: kind.__name__)
def test_an_id_is_its_bytes_in_three_forms(kind: Any) -> None:
    size = SIZES[kind]
    one = kind(bytes(range(size)))

    assert kind.size() == len(one.binary()) == size
    assert kind.from_hex(one.hex()) == kind.from_binary(one.binary()) == one
    assert hash(kind.from_hex(one.hex())) == hash(one)
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == f"{kind.__name__}({one.hex()})"
    assert kind.nil().is_nil()
    assert not one.is_nil()


def test_ids_of_two_kinds_are_never_equal() -> None:
    assert ids.NodeID(bytes(28)) != ids.WorkerID(bytes(28))


def test_an_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="JobID takes 4 bytes"):
        ids.JobID(b"12345")


def test_a_task_names_its_actor_and_its_job() -> None:
    actor = ids.ActorID(bytes(range(12)) + b"\5\0\0\0")
    task = ids.TaskID(bytes(8) + actor.binary())

    assert task.actor_id() == actor
    assert task.job_id() == actor.job_id() == ids.JobID.from_int(5)
    assert ids.JobID.from_int(5).hex() == "05000000"


def test_a_task_of_no_actor_says_so() -> None:
    task = ids.TaskID(bytes(16) + b"\xff\xff\xff\xff" + b"\1\0\0\0")

    assert task.actor_id().is_nil()
