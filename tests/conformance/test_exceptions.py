"""How errors reach the caller: their types, causes, texts and tracebacks.

Owns errors that user code raises, and the tree of exceptions. Errors of the engine are tested where
they arise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import aktis
from aktis import exceptions
from aktis.exceptions import AktisError, TaskError
from tests.conformance.drivers import Driver

pytestmark = pytest.mark.usefixtures("session")

BASES: dict[str, tuple[type[BaseException], ...]] = {
    "AktisError": (Exception,),
    "TaskError": (AktisError,),
    "TaskCancelledError": (AktisError,),
    "GetTimeoutError": (AktisError, TimeoutError),
    "DeadlockError": (AktisError,),
    "TaskTimeoutError": (AktisError, TimeoutError),
    "WorkerCrashedError": (AktisError,),
    "LocalNodeDiedError": (AktisError,),
    "NodeDiedError": (AktisError,),
    "ActorError": (AktisError,),
    "ActorDiedError": (exceptions.ActorError,),
    "ActorUnavailableError": (exceptions.ActorError,),
    "OutOfMemoryError": (AktisError,),
    "ObjectStoreFullError": (AktisError,),
    "OutOfDiskError": (AktisError,),
    "ObjectLostError": (AktisError,),
    "ObjectNotAvailableError": (AktisError,),
    "OwnerDiedError": (exceptions.ObjectLostError,),
    "ObjectFetchTimedOutError": (exceptions.ObjectLostError,),
    "ObjectReconstructionFailedError": (exceptions.ObjectLostError,),
    "ReferenceCountingAssertionError": (exceptions.ObjectLostError, AssertionError),
    "ObjectFreedError": (exceptions.ObjectLostError,),
    "RuntimeEnvSetupError": (AktisError,),
    "TaskPlacementGroupRemoved": (AktisError,),
    "ActorPlacementGroupRemoved": (AktisError,),
    "TaskUnschedulableError": (AktisError,),
    "ActorUnschedulableError": (AktisError,),
    "PendingCallsLimitExceeded": (AktisError,),
    "AsyncioActorExit": (AktisError,),
    "ObjectRefStreamEndOfStreamError": (AktisError,),
    "ActorAlreadyExistsError": (AktisError, ValueError),
    "ActorHandleNotFoundError": (AktisError, ValueError),
    "OufOfBandObjectRefSerializationException": (AktisError,),
    "UnserializableException": (AktisError,),
    "CrossLanguageError": (AktisError,),
    "EngineError": (AktisError,),
}


@pytest.mark.parametrize("name", BASES)
def test_an_exception_has_its_place_in_the_tree(name: str) -> None:
    assert all(issubclass(getattr(exceptions, name), base) for base in BASES[name])


@pytest.mark.parametrize(
    "error",
    [ValueError("text"), KeyError("key"), ZeroDivisionError(), OSError(2, "gone"), StopIteration()],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_both_a_task_error_and_of_its_own_type(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        aktis.get(fail.remote(error))

    assert isinstance(caught.value, TaskError)
    assert type(caught.value.cause) is type(error)
    assert caught.value.cause.args == error.args


def test_a_task_error_can_be_caught_as_such() -> None:
    with pytest.raises(TaskError):
        aktis.get(fail.remote(ValueError()))
    with pytest.raises(AktisError):
        aktis.get(fail.remote(ValueError()))


def test_an_error_of_the_users_own_type_keeps_its_type_and_fields() -> None:
    class OverdrawnError(Exception):
        def __init__(self, amount: int) -> None:
            super().__init__(f"{amount} too much")
            self.amount = amount

        def __reduce__(self) -> tuple[Any, ...]:
            return type(self), (self.amount,)

    with pytest.raises(OverdrawnError, match="5 too much") as caught:
        aktis.get(fail.remote(OverdrawnError(5)))

    error: Any = caught.value
    assert error.cause.amount == 5


def test_a_subclass_is_caught_by_its_base() -> None:
    class SpecialError(LookupError): ...

    with pytest.raises(LookupError, match="special"):
        aktis.get(fail.remote(SpecialError("special")))


def test_the_text_holds_the_remote_traceback_and_the_function() -> None:
    @aktis.remote
    def outer() -> None:
        inner_of_the_story()

    def inner_of_the_story() -> None:
        raise ValueError("climax")

    with pytest.raises(ValueError) as caught:
        aktis.get(outer.remote())

    for word in ("outer", "inner_of_the_story", "climax", "test_exceptions.py", "pid="):
        assert word in str(caught.value)


def test_the_traceback_shows_the_lines_of_a_program_that_others_cannot_import(
    drive: Callable[..., Driver],
) -> None:
    driver = drive("""
        import aktis

        @aktis.remote
        def fails():
            raise ValueError("here")  # this line

        aktis.init(num_cpus=1)
        try:
            aktis.get(fails.remote())
        except ValueError as error:
            print(error)
    """)

    assert 'raise ValueError("here")  # this line' in driver.stdout


def test_the_traceback_shows_no_frame_of_the_engine() -> None:
    with pytest.raises(ValueError) as caught:
        aktis.get(fail.remote(ValueError("shown")))

    assert "/aktis/_kernel/" not in str(caught.value)


def test_an_error_knows_where_it_came_from() -> None:
    class FinalError(Exception):
        def __init_subclass__(cls, /, **_: object) -> None:
            raise TypeError("final")

    with pytest.raises(TaskError) as caught:
        aktis.get(fail.remote(FinalError("where")))

    assert "fail" in caught.value.function_name
    assert "where" in caught.value.traceback_str
    assert isinstance(caught.value.pid, int)
    assert caught.value.pid != os.getpid()


def test_the_cause_of_an_error_is_told_too() -> None:
    @aktis.remote
    def chain() -> None:
        empty: dict[str, int] = {}
        try:
            _ = empty["first link"]
        except KeyError as error:
            raise ValueError("second link") from error

    with pytest.raises(ValueError) as caught:
        aktis.get(chain.remote())

    assert "first link" in str(caught.value)
    assert "second link" in str(caught.value)


def test_an_error_that_went_through_two_tasks_keeps_its_type() -> None:
    @aktis.remote
    def outer() -> None:
        aktis.get(fail.remote(KeyError("deep")))

    with pytest.raises(KeyError, match="deep") as caught:
        aktis.get(outer.remote())
    assert isinstance(caught.value, TaskError)
    assert "outer" in str(caught.value)


def test_a_group_of_errors_is_a_group_again() -> None:
    group = ExceptionGroup("several", [ValueError("one"), KeyError("two")])

    with pytest.raises(ExceptionGroup) as caught:
        aktis.get(fail.remote(group))

    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]
    assert isinstance(caught.value, TaskError)


def test_an_error_whose_type_cannot_be_a_base_is_a_plain_task_error() -> None:
    class FinalError(Exception):
        def __init_subclass__(cls, /, **_: object) -> None:
            raise TypeError("final")

    with pytest.raises(TaskError, match="end of the line") as caught:
        aktis.get(fail.remote(FinalError("end of the line")))
    assert not isinstance(caught.value, FinalError)


def test_a_task_error_can_be_a_value() -> None:
    with pytest.raises(TaskError) as caught:
        aktis.get(fail.remote(ValueError("kept")))

    again = aktis.get(aktis.put([caught.value]))[0]
    assert isinstance(again, TaskError)
    assert "kept" in str(again)


def test_an_error_passed_as_a_value_is_not_raised() -> None:
    assert str(aktis.get(aktis.put(ValueError("calm")))) == "calm"


def test_a_task_may_catch_the_error_of_another() -> None:
    @aktis.remote
    def catch() -> str:
        try:
            aktis.get(fail.remote(KeyError("caught")))
        except KeyError:
            return "caught"
        return "missed"

    assert aktis.get(catch.remote()) == "caught"


def test_an_error_of_a_method_names_the_class_and_the_method() -> None:
    @aktis.remote
    class Failing:
        def explode(self) -> None:
            raise ValueError("method")

    with pytest.raises(ValueError) as caught:
        aktis.get(Failing.remote().explode.remote())

    assert "Failing" in str(caught.value)
    assert "explode" in str(caught.value)


def test_system_exit_in_a_task_ends_its_worker_and_fails_the_task() -> None:
    @aktis.remote(max_retries=0)
    def leave() -> None:
        raise SystemExit(1)

    with pytest.raises(AktisError):
        aktis.get(leave.remote(), timeout=30)
    assert aktis.get(aktis.remote(lambda: 1).remote()) == 1


@aktis.remote
def fail(error: Exception) -> None:
    raise error
