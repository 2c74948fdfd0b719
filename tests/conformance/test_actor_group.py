"""Actors of one class that are called together.

Owns `aktis.util.actor_group`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.exceptions import AktisError
from aktis.util.actor_group import ActorGroup
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


class Adder:
    def __init__(self, start: int = 0, *, step: int = 1) -> None:
        self.value = start
        self.step = step

    def add(self, amount: int = 0) -> int:
        self.value += amount + self.step
        return self.value

    def held(self) -> dict[str, float]:
        return aktis.get_runtime_context().get_assigned_resources()

    def wait(self, started: Gate, gate: Gate) -> None:
        started.open()
        gate.wait()


class Named(Adder):
    def get_actor_metadata(self) -> str:
        return f"starts at {self.value}"


@pytest.fixture
def group() -> Iterator[ActorGroup]:
    """Two actors that hold nothing."""
    made = ActorGroup(Adder, num_actors=2, num_cpus_per_actor=0)
    yield made
    made.shutdown(patience_s=0)


def test_a_call_goes_to_all_actors(group: ActorGroup) -> None:
    assert len(group) == 2
    assert aktis.get(group.add.remote(10)) == [11, 11]
    assert aktis.get(group[0].actor.add.remote()) == 12
    assert aktis.get(group.add.remote()) == [13, 12]


def test_a_method_is_called_remotely(group: ActorGroup) -> None:
    with pytest.raises(TypeError, match=r"add\.remote"):
        group.add(1)
    with pytest.raises(AttributeError, match="multiply"):
        group.multiply.remote(2)


def test_actors_get_their_arguments_and_resources() -> None:
    made = ActorGroup(
        Adder,
        num_cpus_per_actor=0.5,
        num_gpus_per_actor=1,
        resources_per_actor={"widget": 2},
        init_args=(5,),
        init_kwargs={"step": 3},
    )

    assert aktis.get(made.add.remote()) == [8]
    assert aktis.get(made.held.remote()) == [{"CPU": 0.5, "GPU": 1.0, "widget": 2.0}]
    made.shutdown(patience_s=0)


def test_metadata_is_what_the_class_tells_of_itself(group: ActorGroup) -> None:
    named = ActorGroup(Named, 2, 0, init_args=(7,))

    assert named.actor_metadata == ["starts at 7"] * 2
    assert named[1].metadata == "starts at 7"
    assert group.actor_metadata == [None, None]
    named.shutdown()


def test_actors_are_added_and_removed(group: ActorGroup) -> None:
    aktis.get(group.add.remote(100))
    group.add_actors(1)
    group.remove_actors([0])

    assert aktis.get(group.add.remote()) == [102, 1]


@pytest.mark.parametrize("patience_s", [0, 5])
def test_a_group_is_shut_down_and_started_anew(group: ActorGroup, patience_s: float) -> None:
    with pytest.raises(RuntimeError, match="2 actors already"):
        group.start()
    actor: Any = group[0].actor

    group.shutdown(patience_s)

    with pytest.raises(AktisError):
        aktis.get(actor.add.remote())
    with pytest.raises(RuntimeError, match="shut down"):
        group.add.remote()
    group.start()
    assert aktis.get(group.add.remote()) == [1, 1]


def test_a_call_that_takes_too_long_is_ended_at_shutdown(
    group: ActorGroup, started: Gate, gate: Gate
) -> None:
    (first, _) = group.wait.remote(started, gate)
    started.wait()

    group.shutdown(patience_s=0.1)

    with pytest.raises(AktisError):
        aktis.get(first)


@pytest.mark.parametrize(
    "options", [{"num_actors": 0}, {"num_cpus_per_actor": -1}, {"num_gpus_per_actor": -1}]
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ActorGroup(Adder, **options)  # type: ignore[arg-type]
