"""Finds what in a value cannot be pickled.

Owns the search through closures, attributes and containers, and the error that names what was
found. Does not own pickling (`serialize`), which decides.
"""

from __future__ import annotations

import functools
import inspect
import pickle
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from aktis._kernel import serialize

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    # Told of each thing that cannot be pickled: its path, itself, and the error.
    Note = Callable[[tuple[str, ...], Any, Exception], object]

_EMPTY = types.CellType()
# How many steps an error is explained by looking inside.
DEPTH = 6
REMEDY = (
    "Make it where it is used, leave it out with __getstate__, "
    "or see aktis.util.register_serializer()."
)


class Culprit(NamedTuple):
    """Something that cannot be pickled, and nothing in it is the reason.

    Attributes:
        thing: The thing itself.
        path: The names that lead to it, from the outermost.
        parent: What holds it.
    """

    thing: Any
    path: tuple[str, ...]
    parent: Any


class Search:
    """One walk through a value, in which each thing that cannot be pickled is met once."""

    def __init__(self, note: Note | None = None) -> None:
        self._note = note
        self._met: set[int] = set()
        self._culprits: set[int] = set()

    def culprits(
        self, thing: Any, path: tuple[str, ...], depth: int, parent: Any = None
    ) -> Generator[Culprit, None, bool]:
        """Gives the innermost reasons why a thing cannot be pickled; returns whether it cannot."""
        error = try_dumps(thing)
        if error is None:
            return False
        if self._note is not None:
            self._note(path, thing, error)
        self._met.add(id(thing))
        explained = False
        for name, inner in _members_of(thing) if depth > 0 else ():
            if id(inner) in self._met:
                explained = explained or id(inner) in self._culprits
            elif (yield from self.culprits(inner, (*path, name), depth - 1, thing)):
                explained = True
        if not explained:
            self._culprits.add(id(thing))
            yield Culprit(thing, path, parent)
        return True


def try_dumps(value: object) -> Exception | None:
    """Pickles a value as for another process, and returns the error if that fails."""
    try:
        serialize.dumps(value)
    except Exception as error:  # noqa: BLE001 - a `__reduce__` of the user's may raise anything
        return error
    return None


def explained(error: Exception, value: object, what: str, name: str) -> Exception:
    """The error for a value that cannot be pickled, in words that name the reason.

    What user code raised while it was pickled stays as it is.

    Args:
        error: What pickling raised.
        value: The value.
        what: What the value is to the user.
        name: What it is called at the beginning of a path into it.
    """
    if not isinstance(error, TypeError | pickle.PicklingError):
        return error
    culprit = next(Search().culprits(value, (name,), DEPTH), None)
    reason = str(error) if culprit is None else f"{_described(culprit)} ({error})"
    kind = TypeError if isinstance(error, TypeError) else pickle.PicklingError
    told = kind(f"{what} cannot be pickled: {reason}. {REMEDY}")
    told.__cause__ = error
    return told


def _described(culprit: Culprit) -> str:
    """Where it is, as one would write it in a program, and what it is."""
    first, *rest = culprit.path
    where = first + "".join(name if name.startswith("[") else f".{name}" for name in rest)
    kind = type(culprit.thing)
    of_module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{where} is a {of_module}{kind.__qualname__}"


def _members_of(thing: Any) -> list[tuple[str, Any]]:
    """What a thing consists of, each with the name that leads to it; nothing if it does not say."""
    try:
        return list(_of_thing(thing))
    except Exception:  # noqa: BLE001 - a `__repr__` or `__dict__` of the user's may raise anything
        return []


def _of_thing(thing: Any) -> Iterator[tuple[str, Any]]:
    if inspect.isfunction(thing):
        yield from _of_function(thing)
    elif inspect.ismethod(thing):
        yield "__self__", thing.__self__
        yield "__func__", thing.__func__
    elif isinstance(thing, functools.partial):
        yield "func", thing.func
        yield from _of_items("args", thing.args)
        yield from thing.keywords.items()
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield f"[{key!r}]", value
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from _of_items("", thing)
    elif inspect.isclass(thing):
        yield from _of_class(vars(thing))
    else:
        yield from _of_instance(thing)


def _of_function(function: Any) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        # One whose variable has no value yet is empty.
        if cell != _EMPTY:
            yield name, cell.cell_contents
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    yield from _of_items("defaults", function.__defaults__ or ())
    yield from (function.__kwdefaults__ or {}).items()


def _of_class(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in attributes.items():
        if inspect.isfunction(value) or not name.startswith("__"):
            yield name, value


def _of_instance(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield name, getattr(thing, name)


def _of_items(name: str, items: Any) -> Iterator[tuple[str, Any]]:
    for index, item in enumerate(items):
        yield f"{name}[{index}]", item
