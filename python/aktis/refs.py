"""`put`, `get`, `wait` and `cancel`: what a program does with refs.

Owns the rules for their arguments. Does not own objects nor refs themselves (the engine).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, overload

from aktis._kernel import context, objects, session, submit
from aktis.generators import ObjectRefGenerator
from aktis.types import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Waitable: TypeAlias = ObjectRef[Any] | ObjectRefGenerator[Any]

T = TypeVar("T")
W = TypeVar("W", bound="Waitable")

_told_about_loop = False


@overload
def get(
    refs: ObjectRef[T], *, timeout: float | None = None, _use_object_store: bool = False
) -> T: ...
@overload
def get(
    refs: Sequence[ObjectRef[T]], *, timeout: float | None = None, _use_object_store: bool = False
) -> list[T]: ...
@overload
def get(
    refs: ObjectRefGenerator[T], *, timeout: float | None = None, _use_object_store: bool = False
) -> ObjectRefGenerator[T]: ...
def get(refs: Any, *, timeout: float | None = None, _use_object_store: bool = False) -> Any:
    """Waits for an object, or for all objects of a list, and returns the value or the values.

    Large arrays are not copied: they read shared memory, and are read-only. A task that waits here
    gives its CPUs to others meanwhile.

    Args:
        refs: One ref, or a list of refs; a generator comes back as it is.
        timeout: How many seconds to wait; 0 only looks.

    Raises:
        TaskError: a task raised; the error is of the user's own type too. It is raised as soon as
            any of the objects has failed.
        GetTimeoutError: the time is over. The objects are still being made.
        ValueError: `refs` is neither a ref nor a list of refs.
    """
    if "asyncio" in sys.modules:
        _tell_about_loop()
    if type(refs) is ObjectRef:
        return objects.get_one(refs, timeout)
    if type(refs) is list:
        session.require()
        return objects.get(refs, timeout) if refs else []
    if isinstance(refs, ObjectRefGenerator):
        return refs
    message = f"get() takes an ObjectRef or a list of them, not {type(refs).__name__}: {refs!r}"
    raise ValueError(message)


def put(value: T, *, _owner: object = None, _tensor_transport: str | None = None) -> ObjectRef[T]:
    """Stores a copy of the value and returns a ref to it; this process owns the object.

    Raises:
        TypeError: the value is a ref, or cannot be pickled.
        ObjectStoreFullError: there is no room, and nothing can be moved to disk.
    """
    if _owner is not None:
        message = "put() cannot give an object to another owner; let that process put it"
        raise ValueError(message)
    if _tensor_transport not in {None, "object_store"}:
        message = f"_tensor_transport={_tensor_transport!r} is not there yet; leave it out"
        raise NotImplementedError(message)
    if isinstance(value, ObjectRefGenerator):
        message = "put() cannot store an ObjectRefGenerator; store the refs it gives"
        raise TypeError(message)
    return objects.put(value)


def wait(
    ray_waitables: Sequence[W],
    *,
    num_returns: int = 1,
    timeout: float | None = None,
    fetch_local: bool = True,
) -> tuple[list[W], list[W]]:
    """Waits until some of the objects are there, and returns those and the others.

    Both lists are in the order given. At most `num_returns` are in the first, even if more are
    there. An object whose task failed is there, too; a generator is if its next item is.

    Args:
        ray_waitables: Refs and generators, each once.
        num_returns: For how many to wait.
        timeout: How many seconds to wait; what is there then is returned.
        fetch_local: Whether an object must be on this machine to count.
    """
    _check_wait(ray_waitables, num_returns, timeout)
    session.require()
    if not ray_waitables:
        return [], []
    waitables: Any = ray_waitables if type(ray_waitables) is list else list(ray_waitables)
    return objects.wait(waitables, num_returns, timeout, fetch_local)


def cancel(
    ray_waitable: ObjectRef[Any] | ObjectRefGenerator[Any],
    *,
    force: bool = False,
    recursive: bool = True,
) -> None:
    """Cancels the task that makes the object; what has ended stays as it is.

    A task that has not begun never runs. One that runs is interrupted; a call of a sync actor is
    only told (`get_runtime_context().is_canceled()`), and ends at its next item if it is a
    generator.

    Args:
        ray_waitable: The ref, or the generator, that the call gave.
        force: Whether to end the process in which the task runs.
        recursive: Whether to cancel what the task started, too.

    Raises:
        TypeError: `ray_waitable` is something else.
        ValueError: `force` on a call of an actor, which would end the actor; use `kill`.
    """
    ref = ray_waitable.completed() if isinstance(ray_waitable, ObjectRefGenerator) else ray_waitable
    if not isinstance(ref, ObjectRef):
        message = f"cancel() takes an ObjectRef or an ObjectRefGenerator, not {ray_waitable!r}"
        raise TypeError(message)
    if force and not ref.task_id().actor_id().is_nil():
        message = "a call of an actor cannot be cancelled by force; kill() ends the actor"
        raise ValueError(message)
    session.require()
    submit.cancel(ref, force=force, recursive=recursive)


def _tell_about_loop() -> None:
    """Warns, once, where a wait would block all else that the event loop of a worker does."""
    global _told_about_loop  # noqa: PLW0603 - told once in a process
    here = session.current()
    if _told_about_loop or here is None or here.is_driver:
        return
    loop = sys.modules["asyncio"]._get_running_loop()  # noqa: SLF001 - public in all but its name
    # A constructor cannot await, and no call runs before it has ended.
    if loop is not None and not context.in_constructor():
        import warnings

        _told_about_loop = True
        message = "get() blocks the event loop of this actor: use `await ref` instead"
        warnings.warn(message, UserWarning, stacklevel=3)


def _check_wait(waitables: object, num_returns: int, timeout: float | None) -> None:
    if not isinstance(waitables, list | tuple):
        message = f"wait() takes a list of ObjectRef, not {type(waitables).__name__}"
        raise TypeError(message)
    if timeout is not None and timeout < 0:
        message = f"the timeout of wait() must be zero or more, not {timeout}"
        raise ValueError(message)
    if not waitables:
        return
    if not 1 <= num_returns <= len(waitables):
        message = (
            f"num_returns must be from 1 to the number of refs, which is {len(waitables)}, "
            f"not {num_returns}"
        )
        raise ValueError(message)
