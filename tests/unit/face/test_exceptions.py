"""The tree of exceptions, what failures become, and errors that are of two types.

Owns all that needs no process; how errors travel is tested in `tests/conformance`.
"""

from __future__ import annotations

import pickle
from typing import Any, Self

import pytest

from aktis import exceptions
from aktis.exceptions import TaskError, from_failure

SENTENCE = "what happened, in words"
TASK = (1,) * 24
ACTOR = (2,) * 16
OBJECT = {"task": (3,) * 24, "index": 1}
OWNER = {"node": 1, "number": 2}
KINDS: dict[str, tuple[Any, type[Exception]]] = {
    "Cancelled": (TASK, exceptions.TaskCancelledError),
    "TimedOut": ((TASK, {"secs": 1, "nanos": 0}), exceptions.TaskTimeoutError),
    "WorkerCrashed": ({"task": "work", "death": {}}, exceptions.WorkerCrashedError),
    "ActorDied": ((ACTOR, "Killed"), exceptions.ActorDiedError),
    "ActorUnavailable": ((ACTOR, "why"), exceptions.ActorUnavailableError),
    "OwnerDied": ((OBJECT, OWNER), exceptions.OwnerDiedError),
    "ObjectLost": ((OBJECT, "why"), exceptions.ObjectLostError),
    "ObjectFreed": (OBJECT, exceptions.ObjectFreedError),
    "LocalNodeDied": ("why", exceptions.LocalNodeDiedError),
    "StoreFull": ("why", exceptions.ObjectStoreFullError),
    "OutOfDisk": ("why", exceptions.OutOfDiskError),
    "Unschedulable": ("why", exceptions.TaskUnschedulableError),
    "GroupRemoved": ((4,) * 18, exceptions.TaskPlacementGroupRemoved),
    "EnvironmentFailed": ("why", exceptions.RuntimeEnvSetupError),
    "StreamChanged": (TASK, exceptions.StreamingGeneratorReplayInconsistentError),
    "Deadlock": ("why", exceptions.DeadlockError),
    "UnheardOf": ({}, exceptions.EngineError),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_becomes_its_exception_with_its_words(kind: str) -> None:
    told, expected = KINDS[kind]

    error = from_failure({kind: told}, SENTENCE)

    assert type(error) is expected
    assert SENTENCE in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_survives_pickling(kind: str) -> None:
    told, _ = KINDS[kind]
    error = from_failure({kind: told}, SENTENCE)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Unschedulable", exceptions.ActorUnschedulableError),
        ("GroupRemoved", exceptions.ActorPlacementGroupRemoved),
        ("EnvironmentFailed", exceptions.RuntimeEnvSetupError),
        ("Raised", exceptions.ActorDiedError),
    ],
)
def test_an_actor_that_never_lived_fails_with_the_reason(
    reason: str, expected: type[Exception]
) -> None:
    end = {"NotMade": {reason: "inner"}}

    error = from_failure({"ActorDied": (ACTOR, end)}, SENTENCE)

    assert type(error) is expected


def test_the_error_of_an_actor_names_it_and_says_whether_it_ever_lived() -> None:
    exceptions.remember_actor("0a" * 16, "Counter")
    end = {"Constructor": {"error": b"", "text": "the story"}}

    error = from_failure({"ActorDied": ((10,) * 16, end)}, SENTENCE)

    assert isinstance(error, exceptions.ActorDiedError)
    assert (error.actor_id, error.actor_init_failed, error.preempted) == ("0a" * 16, True, False)
    assert str(error) == f"Counter: {SENTENCE}"


class FieldsError(Exception):
    def __init__(self, amount: int) -> None:
        super().__init__(f"{amount} too much")
        self.amount = amount

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldsError, (self.amount,)


class SlotsError(Exception):
    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


class DemandingError(Exception):
    def __new__(cls, first: int, second: int) -> Self:
        return super().__new__(cls, first, second)

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


class FinalError(Exception):
    def __init_subclass__(cls) -> None:
        raise TypeError("final")


CAUSES: list[BaseException] = [
    ValueError("text"),
    MemoryError("all of it"),
    KeyError("key"),
    OSError(2, "gone", "file"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
    StopIteration(3),
    SystemExit(4),
    FieldsError(5),
    SlotsError("here"),
    DemandingError(1, 2),
    exceptions.GetTimeoutError("late"),
]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: type(cause).__name__)
def test_an_error_of_a_task_is_of_its_causes_type_too(cause: BaseException) -> None:
    error = raised(cause).as_instanceof_cause()

    assert isinstance(error, TaskError)
    assert isinstance(error, type(cause))
    assert error.cause is cause
    assert error.args == cause.args
    assert type(error).__name__ == f"TaskError({type(cause).__name__})"
    assert "work raised (pid=7, ip=host)" in str(error)
    assert vars(error).items() >= vars(cause).items()


@pytest.mark.parametrize("cause", CAUSES[:9], ids=lambda cause: type(cause).__name__)
def test_such_an_error_survives_pickling(cause: BaseException) -> None:
    error = raised(cause).as_instanceof_cause()

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (type(copy.cause), copy.cause.args) == (type(cause), cause.args)
    assert (str(copy), copy.pid) == (str(error), 7)


def test_fields_and_slots_of_the_cause_are_there() -> None:
    with_slots: Any = raised(SlotsError("here")).as_instanceof_cause()
    of_system: Any = raised(OSError(2, "gone", "file")).as_instanceof_cause()

    assert with_slots.place == "here"
    assert (of_system.errno, of_system.filename) == (2, "file")


def test_a_group_of_errors_is_a_group_again() -> None:
    group = ExceptionGroup("several", [ValueError("one"), KeyError("two")])

    seen: list[type[Exception]] = []
    try:
        raise raised(group).as_instanceof_cause()
    except* ValueError as caught:
        seen.extend(type(error) for error in caught.exceptions)
    except* KeyError as caught:
        seen.extend(type(error) for error in caught.exceptions)

    assert seen == [ValueError, KeyError]


def test_a_type_that_forbids_children_gives_a_plain_error() -> None:
    error = raised(FinalError("end")).as_instanceof_cause()

    assert type(error) is TaskError
    assert type(error.cause) is FinalError


def test_an_error_through_two_tasks_has_the_type_of_the_first() -> None:
    inner = raised(KeyError("deep")).as_instanceof_cause()

    outer = raised(inner, name="outer").as_instanceof_cause()

    assert isinstance(outer, KeyError)
    assert outer.cause is inner
    assert "outer" in str(outer)


def test_a_cause_that_cannot_be_pickled_is_replaced_by_its_text() -> None:
    cause = ValueError("holds a generator")
    cause.generator = (number for number in range(3))  # type: ignore[attr-defined]

    copy = pickle.loads(pickle.dumps(raised(cause)))

    assert isinstance(copy.cause, exceptions.UnserializableException)
    assert "Traceback" in str(copy)


def test_a_damaged_pickle_leaves_the_text() -> None:
    raised_there = {"error": b"damaged", "text": "the story"}

    error = from_failure({"Raised": raised_there}, SENTENCE)

    assert isinstance(error, TaskError)
    assert "the story" in str(error)


def raised(cause: BaseException, *, name: str = "work") -> TaskError:
    """What a task that raised `cause` tells its caller."""
    return TaskError(
        cause, function_name=name, traceback_str="Traceback: all of it", pid=7, ip="host"
    )
