"""Marks on functions and classes: public, for developers, deprecated.

Owns the marks and what they add to a docstring. Nothing else depends on them.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

STABILITIES = ("stable", "beta", "alpha")


@overload
def PublicAPI(thing: F, /) -> F: ...
@overload
def PublicAPI(*, stability: str = "stable", api_group: str = "Others") -> Callable[[F], F]: ...
def PublicAPI(*things: Any, stability: str = "stable", api_group: str = "Others") -> Any:  # noqa: ARG001, N802 - Ray's signature
    """Marks what users may rely on, bare or as `PublicAPI(stability="beta")`.

    Raises:
        ValueError: `stability` is no known one.
    """
    if stability not in STABILITIES:
        message = f"stability must be one of {', '.join(STABILITIES)}, not {stability!r}"
        raise ValueError(message)
    sentence = "" if stability == "stable" else f"This interface is {stability} and may change."
    return _mark(things, lambda thing: _with_sentence(thing, sentence))


@overload
def DeveloperAPI(thing: F, /) -> F: ...
@overload
def DeveloperAPI() -> Callable[[F], F]: ...
def DeveloperAPI(*things: Any) -> Any:  # noqa: N802 - Ray's name
    """Marks what is for developers and may change between minor versions."""
    sentence = "This interface is for developers and may change between minor versions."
    return _mark(things, lambda thing: _with_sentence(thing, sentence))


@overload
def Deprecated(thing: F, /) -> F: ...
@overload
def Deprecated(*, message: str = "", warning: bool = False) -> Callable[[F], F]: ...
def Deprecated(*things: Any, message: str = "", warning: bool = False) -> Any:  # noqa: N802 - Ray's name
    """Marks what will go, bare or with what to use instead; with `warning`, each use warns."""
    sentence = f"Deprecated. {message}".strip()

    def mark(thing: Any) -> Any:
        marked = _with_sentence(thing, sentence)
        return _warning(marked, sentence) if warning else marked

    return _mark(things, mark)


def _mark(things: tuple[Any, ...], mark: Callable[[Any], Any]) -> Any:
    return mark(things[0]) if things else mark


def _with_sentence(thing: F, sentence: str) -> F:
    if sentence:
        text = inspect.cleandoc(thing.__doc__ or "")
        thing.__doc__ = f"{text}\n\n{sentence}".strip()
    return thing


def _warning(thing: Any, sentence: str) -> Any:
    """The same, but it warns when it is called or made."""
    is_class = inspect.isclass(thing)
    called = thing.__init__ if is_class else thing

    @functools.wraps(called)
    def warn(*args: Any, **kwargs: Any) -> Any:
        message = f"{thing.__qualname__}: {sentence}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return called(*args, **kwargs)

    if not is_class:
        return warn
    marked: Any = thing
    marked.__init__ = warn
    return marked
