"""The decorator `@aktis.remote`, which makes functions tasks and classes actors.

Owns the choice between the two. Does not own either (`aktis.remote_function`, `aktis.actors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from aktis import options as option_table
from aktis.actors import ActorClass
from aktis.remote_function import RemoteFunction
from aktis.signatures import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aktis._typing import OnlyAny, P
    from aktis.generators import ObjectRefGenerator
    from aktis.types import ObjectRef

T = TypeVar("T")
R = TypeVar("R")
Y = TypeVar("Y")
S_co = TypeVar("S_co", covariant=True)


if TYPE_CHECKING:

    class Decorator(Protocol):
        """What `@aktis.remote(...)` does to what it decorates."""

        @overload
        def __call__(self, thing: type[T], /) -> ActorClass[T]: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, thing: Callable[P, OnlyAny], /) -> RemoteFunction[P, ObjectRef[Any]]: ...
        @overload
        def __call__(  # type: ignore[overload-overlap]
            self, thing: Callable[P, Iterator[Y]], /
        ) -> RemoteFunction[P, ObjectRefGenerator[Y]]: ...
        @overload
        def __call__(self, thing: Callable[P, R], /) -> RemoteFunction[P, ObjectRef[R]]: ...

    class CountDecorator(Protocol[S_co]):
        """What `@aktis.remote(num_returns=...)` does to the function that it decorates."""

        def __call__(self, thing: Callable[P, Any], /) -> RemoteFunction[P, S_co]:
            """Makes the function remote."""


@overload
def remote(thing: type[T], /) -> ActorClass[T]: ...  # type: ignore[overload-overlap]
@overload
def remote(thing: Callable[P, OnlyAny], /) -> RemoteFunction[P, ObjectRef[Any]]: ...
@overload
def remote(  # type: ignore[overload-overlap]
    thing: Callable[P, Iterator[Y]], /
) -> RemoteFunction[P, ObjectRefGenerator[Y]]: ...
@overload
def remote(thing: Callable[P, R], /) -> RemoteFunction[P, ObjectRef[R]]: ...
@overload
def remote(*, num_returns: Literal[0], **options: Any) -> CountDecorator[None]: ...
@overload
def remote(*, num_returns: Literal[1], **options: Any) -> CountDecorator[ObjectRef[Any]]: ...
@overload
def remote(
    *, num_returns: Literal["streaming"], **options: Any
) -> CountDecorator[ObjectRefGenerator[Any]]: ...
@overload
def remote(*, num_returns: int, **options: Any) -> CountDecorator[list[ObjectRef[Any]]]: ...
@overload
def remote(**options: Any) -> Decorator: ...
def remote(*things: Any, **options: Any) -> Any:
    """Makes a function a task, or a class an actor.

    Bare (`@aktis.remote`), or with options (`@aktis.remote(num_cpus=2)`).

    Raises:
        TypeError: what is decorated is neither a function nor a class, or options are given
            together with it.
        ValueError: an option is not known or makes no sense, or the function is `async`, which only
            methods of actors may be.
    """
    if len(things) == 1 and not options:
        return _made_remote(things[0], {})
    if things or not options:
        message = "write @aktis.remote, or @aktis.remote(...) with options given by name only"
        raise TypeError(message)
    return lambda thing: _made_remote(thing, options)


def _made_remote(thing: Any, options: dict[str, Any]) -> Any:
    if isinstance(thing, type):
        return ActorClass(thing, option_table.checked("actor", options))
    if not callable(thing) or isinstance(thing, RemoteFunction | ActorClass):
        message = f"@aktis.remote takes a function or a class, not {thing!r}"
        raise TypeError(message)
    if is_async(thing):
        message = (
            f"{getattr(thing, '__qualname__', thing)} is async, and only methods of actors may be; "
            f"make it a plain function, or a method"
        )
        raise ValueError(message)
    checked = option_table.checked("task", options)
    if checked.get("num_gpus") and checked.get("max_calls") is None:
        # What holds a device may keep its memory; only the end of the process gives it back.
        checked["max_calls"] = 1
    return RemoteFunction(thing, checked)
