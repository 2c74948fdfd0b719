"""The exceptions of aktis: one tree, and how a failure that travelled becomes one of them.

Owns the classes and their words. Does not own when they are raised, nor how remote tracebacks are
cut (`aktis._kernel`), nor the double types of tasks' errors (`aktis.dual_errors`).

    AktisError
    ├── TaskError                      user code raised; also an instance of the user's type
    ├── UserCodeException              a library wraps what user code raised
    ├── CrossLanguageError
    ├── TaskCancelledError
    ├── TaskTimeoutError               also TimeoutError
    ├── GetTimeoutError                also TimeoutError
    ├── DeadlockError                  waits that keep each other from ending
    ├── WorkerCrashedError
    ├── LocalNodeDiedError, NodeDiedError
    ├── ActorError
    │   ├── ActorDiedError             for good
    │   └── ActorUnavailableError      for now; the call may or may not have run
    ├── OutOfMemoryError, ObjectStoreFullError, OutOfDiskError
    ├── ObjectNotAvailableError
    ├── ObjectLostError
    │   ├── OwnerDiedError, ObjectFetchTimedOutError, ObjectReconstructionFailedError
    │   ├── ReferenceCountingAssertionError
    │   └── ObjectFreedError
    ├── RuntimeEnvSetupError
    ├── TaskPlacementGroupRemoved, ActorPlacementGroupRemoved
    ├── TaskUnschedulableError, ActorUnschedulableError
    ├── PendingCallsLimitExceeded
    ├── AsyncioActorExit, ObjectRefStreamEndOfStreamError
    ├── StreamingGeneratorReplayInconsistentError
    ├── ActorAlreadyExistsError        also ValueError
    ├── ActorHandleNotFoundError       also ValueError
    ├── OufOfBandObjectRefSerializationException, UnserializableException
    ├── EngineError, RpcError, AuthenticationError
    └── ChannelError ─ ChannelTimeoutError; CompiledGraphCapacityExceeded; DirectTransportError

Every class can be made from one sentence; what else is known are attributes, given by keyword.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis import dual_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    # Makes an exception of what a failure holds and of its sentence.
    Maker = Callable[[Any, str], Exception]

__all__ = [
    "ActorAlreadyExistsError",
    "ActorDiedError",
    "ActorError",
    "ActorHandleNotFoundError",
    "ActorPlacementGroupRemoved",
    "ActorUnavailableError",
    "ActorUnschedulableError",
    "AktisError",
    "AsyncioActorExit",
    "AuthenticationError",
    "ChannelError",
    "ChannelTimeoutError",
    "CompiledGraphCapacityExceeded",
    "CrossLanguageError",
    "DeadlockError",
    "DirectTransportError",
    "EngineError",
    "GetTimeoutError",
    "LocalNodeDiedError",
    "NodeDiedError",
    "ObjectFetchTimedOutError",
    "ObjectFreedError",
    "ObjectLostError",
    "ObjectNotAvailableError",
    "ObjectReconstructionFailedError",
    "ObjectRefStreamEndOfStreamError",
    "ObjectStoreFullError",
    "OufOfBandObjectRefSerializationException",
    "OutOfDiskError",
    "OutOfMemoryError",
    "OwnerDiedError",
    "PendingCallsLimitExceeded",
    "ReferenceCountingAssertionError",
    "RpcError",
    "RuntimeEnvSetupError",
    "StreamingGeneratorReplayInconsistentError",
    "TaskCancelledError",
    "TaskError",
    "TaskPlacementGroupRemoved",
    "TaskTimeoutError",
    "TaskUnschedulableError",
    "UnserializableException",
    "UserCodeException",
    "WorkerCrashedError",
    "from_failure",
]

# Class names of actors whose handles this process saw; the oldest are forgotten first.
ACTOR_NAMES_MAX = 10_000
# The id of an object ends in this many bytes, behind its task's.
OBJECT_INDEX_BYTES = 4


class AktisError(Exception):
    """The base of everything that aktis raises about a program's tasks, actors and objects."""


class TaskError(AktisError):
    """User code raised in a task, a method or a constructor.

    What `get` raises is an instance of the user's own type too, if that type allows it.

    Attributes:
        cause: The exception itself, as it was raised there.
        traceback_str: Its traceback, without the frames of the engine.
        function_name: What was called.
        pid: The process it ran in.
        ip: The machine it ran on.
        actor_id: The actor it ran in, in hexadecimal, if it ran in one.
    """

    def __init__(
        self,
        cause: BaseException,
        *,
        function_name: str = "",
        traceback_str: str = "",
        pid: int = 0,
        ip: str = "",
        actor_id: str | None = None,
    ) -> None:
        Exception.__init__(self, function_name, traceback_str)
        self.cause = cause
        self.function_name = function_name
        self.traceback_str = traceback_str
        self.pid = pid
        self.ip = ip
        self.actor_id = actor_id

    def __str__(self) -> str:
        where = f"pid={self.pid}, ip={self.ip}"
        if self.actor_id:
            where += f", actor_id={self.actor_id}"
        return f"{self.function_name} raised ({where}):\n{self.traceback_str.rstrip()}"

    def __reduce__(self) -> tuple[Any, ...]:
        told = UnserializableException(self.traceback_str)
        cause = dual_errors.dumped(self.cause) or dual_errors.dumped(told)
        where = (self.function_name, self.traceback_str, self.pid, self.ip, self.actor_id)
        return _restored_task_error, (cause, where, type(self) is not TaskError)

    def as_instanceof_cause(self) -> TaskError:
        """Returns this error as an instance of its cause's type too, if that type allows it."""
        root = self.cause
        while isinstance(root, TaskError):
            root = root.cause
        return dual_errors.dual(self, root)


class UserCodeException(AktisError):  # noqa: N818 - a public name of Ray
    """A library wraps what user code raised; retries look at its `__cause__`."""


class CrossLanguageError(AktisError):
    """Code in another language raised; the message is what it said."""


class TaskCancelledError(AktisError):
    """The task was cancelled, before or while it ran.

    Attributes:
        task_id: The task, in hexadecimal, if it is known.
    """

    def __init__(self, message: str = "the task was cancelled", *, task_id: str = "") -> None:
        super().__init__(message)
        self.task_id = task_id


class TaskTimeoutError(AktisError, TimeoutError):
    """An attempt ran longer than the task's `timeout_s`, and no attempt is left."""


class GetTimeoutError(AktisError, TimeoutError):
    """The time given to `get` is over; what makes the object goes on."""


class DeadlockError(AktisError):
    """The wait would never end: what it waits for waits for the method or task that waits.

    Raised by `get`, or by `wait` for all of its refs, inside a method or task; once for each circle
    of waits. Who waits for the method gets it as any error of the method.
    """


class WorkerCrashedError(AktisError):
    """The process ended while it ran the task, and no attempt is left."""

    def __init__(self, message: str = "the worker ended while it ran the task") -> None:
        super().__init__(message)


class LocalNodeDiedError(AktisError):
    """The node daemon of this machine ended; only a new session helps."""


class NodeDiedError(AktisError):
    """The node that ran the task ended, and no attempt is left."""


class ActorError(AktisError):
    """A call could not run because of its actor.

    Attributes:
        actor_id: The actor, in hexadecimal.
        actor_init_failed: Its constructor raised.
        preempted: Its node was taken away.
    """

    def __init__(
        self,
        message: str = "the actor cannot take calls",
        *,
        actor_id: str | None = None,
        actor_init_failed: bool = False,
        preempted: bool = False,
    ) -> None:
        super().__init__(message)
        self.actor_id = actor_id
        self.actor_init_failed = actor_init_failed
        self.preempted = preempted


class ActorDiedError(ActorError):
    """The actor ended for good."""


class ActorUnavailableError(ActorError):
    """The actor cannot be reached now; the call may or may not have run."""


class OutOfMemoryError(AktisError):
    """The node ended the worker because memory was short, and the task may not be tried again."""


class ObjectStoreFullError(AktisError):
    """Shared memory is full and nothing in it can be moved to disk."""


class OutOfDiskError(AktisError):
    """The disk is full, so that nothing can be moved there from shared memory."""


class ObjectNotAvailableError(AktisError):
    """An object is not in shared memory; for programs that catch it, since others are fetched."""


class ObjectLostError(AktisError):
    """No copy of the object is left, and it could not be made again.

    Attributes:
        object_ref_hex: The object, in hexadecimal, if it is known.
    """

    def __init__(self, message: str = "the object is lost", *, object_ref_hex: str = "") -> None:
        super().__init__(message)
        self.object_ref_hex = object_ref_hex


class OwnerDiedError(ObjectLostError):
    """The process that owned the object ended, and the object with it."""


class ObjectFetchTimedOutError(ObjectLostError):
    """No copy of the object could be fetched for too long."""


class ObjectReconstructionFailedError(ObjectLostError):
    """The object was lost, and running its task again failed."""


class ReferenceCountingAssertionError(ObjectLostError, AssertionError):
    """The object was freed while somebody still referred to it: a defect of the engine."""


class ObjectFreedError(ObjectLostError):
    """The object was freed by name while somebody still referred to it."""


class RuntimeEnvSetupError(AktisError):
    """The runtime environment could not be made."""


class TaskPlacementGroupRemoved(AktisError):  # noqa: N818 - a public name of Ray
    """The placement group in which the task should run is gone."""


class ActorPlacementGroupRemoved(AktisError):  # noqa: N818 - a public name of Ray
    """The placement group in which the actor lived is gone."""


class TaskUnschedulableError(AktisError):
    """No node can ever run the task."""


class ActorUnschedulableError(AktisError):
    """No node can ever hold the actor."""


class PendingCallsLimitExceeded(AktisError):  # noqa: N818 - a public name of Ray
    """The actor has as many unfinished calls from this process as `max_pending_calls` allows."""


class AsyncioActorExit(AktisError):  # noqa: N818 - a public name of Ray
    """An async actor leaves by itself."""


class ObjectRefStreamEndOfStreamError(AktisError):
    """The stream has no further item."""


class StreamingGeneratorReplayInconsistentError(AktisError):
    """A generator that ran again yielded another number of items than before."""


class ActorAlreadyExistsError(AktisError, ValueError):
    """Another actor of the namespace has the name."""


class ActorHandleNotFoundError(AktisError, ValueError):
    """The handle belongs to an earlier session."""


class OufOfBandObjectRefSerializationException(AktisError):  # noqa: N818 - a public name of Ray
    """A ref was pickled outside of tasks and objects, which is switched off."""


class UnserializableException(AktisError):  # noqa: N818 - a public name of Ray
    """Stands for an exception that could not be pickled or unpickled; the message is its text."""


class EngineError(AktisError):
    """The engine itself failed."""


class RpcError(AktisError):
    """A message between two processes could not be delivered."""


class AuthenticationError(AktisError):
    """The other side does not know the cluster's token."""


class ChannelError(AktisError):
    """A channel between actors broke."""


class ChannelTimeoutError(ChannelError, TimeoutError):
    """A channel between actors was not ready in time."""


class CompiledGraphCapacityExceeded(AktisError):  # noqa: N818 - a public name of Ray
    """A compiled graph holds as many results as it may."""


class DirectTransportError(AktisError):
    """A tensor could not be moved between devices."""


def from_failure(failure: Mapping[str, Any], sentence: str) -> Exception:
    """Makes the exception for a failure that arrived as data.

    Args:
        failure: Its kind, in the engine's words, and what it holds.
        sentence: What it says to people.
    """
    ((kind, told),) = failure.items()
    make = FAILURES.get(kind)
    return EngineError(f"{kind}: {sentence}") if make is None else make(told, sentence)


def remember_actor(actor_id: str, class_name: str) -> None:
    """Lets errors about the actor name its class."""
    if actor_id not in _actor_names and len(_actor_names) >= ACTOR_NAMES_MAX:
        del _actor_names[next(iter(_actor_names))]
    _actor_names[actor_id] = class_name


_actor_names: dict[str, str] = {}


def _restored_task_error(
    pickled: bytes,
    where: tuple[str, str, int, str, str | None],
    is_dual: bool,  # noqa: FBT001 - called by pickle
) -> TaskError:
    function_name, text, pid, ip, actor_id = where
    error = TaskError(
        # A cause that cannot be made here is replaced by its text.
        dual_errors.loaded(pickled) or UnserializableException(text),
        function_name=function_name,
        traceback_str=text,
        pid=pid,
        ip=ip,
        actor_id=actor_id,
    )
    return error.as_instanceof_cause() if is_dual else error


def _saying(make: Callable[[str], Exception]) -> Maker:
    """Makes an exception of the sentence alone."""
    return lambda _told, sentence: make(sentence)


def _about_object(make: type[ObjectLostError]) -> Maker:
    """Makes an exception of an object, which something else may follow."""

    def made(told: Any, sentence: str) -> Exception:
        lost = told if isinstance(told, dict) else told[0]
        index = lost["index"].to_bytes(OBJECT_INDEX_BYTES, "little")
        return make(sentence, object_ref_hex=(bytes(lost["task"]) + index).hex())

    return made


def _raised(told: Mapping[str, Any], _sentence: str) -> Exception:
    found = dual_errors.loaded(told["error"])
    if isinstance(found, TaskError):
        return found.as_instanceof_cause()
    text = told["text"]
    return TaskError(UnserializableException(text), traceback_str=text)


def _cancelled(task: Sequence[int], sentence: str) -> Exception:
    return TaskCancelledError(sentence, task_id=bytes(task).hex())


def _actor_died(told: tuple[Sequence[int], Any], sentence: str) -> Exception:
    actor, end = told
    match end:
        case {"NotMade": {**reason}} if (kind := next(iter(reason))) in _NOT_MADE:
            return _NOT_MADE[kind](_of_actor(actor, sentence))
    return ActorDiedError(
        _of_actor(actor, sentence),
        actor_id=bytes(actor).hex(),
        actor_init_failed="Constructor" in end,
    )


def _actor_unavailable(told: tuple[Sequence[int], str], sentence: str) -> Exception:
    actor, _ = told
    return ActorUnavailableError(_of_actor(actor, sentence), actor_id=bytes(actor).hex())


def _of_actor(actor: Sequence[int], sentence: str) -> str:
    name = _actor_names.get(bytes(actor).hex())
    return f"{name}: {sentence}" if name else sentence


# An actor that never lived fails its calls with the reason itself.
_NOT_MADE: dict[str, Callable[[str], Exception]] = {
    "Unschedulable": ActorUnschedulableError,
    "GroupRemoved": ActorPlacementGroupRemoved,
    "EnvironmentFailed": RuntimeEnvSetupError,
}
# What each kind of failure becomes.
FAILURES: dict[str, Maker] = {
    "Raised": _raised,
    "Cancelled": _cancelled,
    "TimedOut": _saying(TaskTimeoutError),
    "WorkerCrashed": _saying(WorkerCrashedError),
    "ActorDied": _actor_died,
    "ActorUnavailable": _actor_unavailable,
    "OwnerDied": _about_object(OwnerDiedError),
    "ObjectLost": _about_object(ObjectLostError),
    "ObjectFreed": _about_object(ObjectFreedError),
    "LocalNodeDied": _saying(LocalNodeDiedError),
    "StoreFull": _saying(ObjectStoreFullError),
    "OutOfDisk": _saying(OutOfDiskError),
    "Unschedulable": _saying(TaskUnschedulableError),
    "GroupRemoved": _saying(TaskPlacementGroupRemoved),
    "EnvironmentFailed": _saying(RuntimeEnvSetupError),
    "StreamChanged": _saying(StreamingGeneratorReplayInconsistentError),
    "Deadlock": _saying(DeadlockError),
}
