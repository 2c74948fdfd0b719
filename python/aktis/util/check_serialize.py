"""Finds what in a value cannot be sent to another process.

Owns the search through closures, attributes and containers. Does not own pickling
(`aktis.serializers`), which decides.
"""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any, TextIO

from aktis import serializers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INDENT = "  "
# How much of a repr is printed.
SHORT_MAX = 80


class FailureTuple:
    """Something that cannot be sent, and where it was found.

    Attributes:
        obj: The thing itself.
        path: The names that lead to it, from the outermost.
        parent: What holds it.
    """

    def __init__(self, obj: Any, path: tuple[str, ...], parent: Any) -> None:
        self.obj = obj
        self.path = path
        self.parent = parent

    def __repr__(self) -> str:
        return f"FailureTuple({'.'.join(self.path)} = {self.obj!r}, in {self.parent!r})"


def inspect_serializability(
    base_obj: Any,
    name: str | None = None,
    depth: int = 3,
    print_file: TextIO | None = None,
) -> tuple[bool, set[FailureTuple]]:
    """Tells whether a value can be sent to another process, and prints what in it cannot.

    It looks into closures, global variables and defaults of functions, attributes of objects, and
    members of containers.

    Args:
        base_obj: What is to be sent.
        name: What to call it in the output.
        depth: How many steps to look inside.
        print_file: Where to print; None is standard output.

    Returns:
        Whether it can be sent, and the innermost things that cannot.
    """
    search = _Search(print_file or sys.stdout)
    title = name or getattr(base_obj, "__qualname__", None) or type(base_obj).__name__
    search.look(base_obj, None, (title,), depth)
    search.tell(title)
    return not search.failures, search.failures


class _Search:
    """One walk through a value, in which each thing is met once."""

    def __init__(self, output: TextIO) -> None:
        self.failures: set[FailureTuple] = set()
        self._output = output
        self._met: set[int] = set()

    def look(self, thing: Any, parent: Any, path: tuple[str, ...], depth: int) -> bool:
        """Whether the thing can be sent; if not, notes the innermost reason."""
        error = serializers.try_serialize(thing)
        if error is None:
            return True
        self._write(path, f"{_short(thing)} cannot be sent: {error}")
        self._met.add(id(thing))
        if not (depth > 0 and self._look_inside(thing, path, depth)):
            self.failures.add(FailureTuple(thing, path, parent))
        return False

    def tell(self, title: str) -> None:
        """Prints the verdict."""
        if not self.failures:
            self._write(("",), f"{title} can be sent to other processes.")
            return
        for failure in self.failures:
            where = ".".join(failure.path)
            self._write(
                ("",),
                f"The reason is {where}: {_short(failure.obj)}. Make it where it "
                f"is used, leave it out with __getstate__, or see register_serializer().",
            )

    def _look_inside(self, thing: Any, path: tuple[str, ...], depth: int) -> bool:
        """Whether something inside explains the failure."""
        explained = False
        for name, inner in _members(thing):
            if id(inner) in self._met:
                explained = explained or any(found.obj is inner for found in self.failures)
            elif not self.look(inner, thing, (*path, name), depth - 1):
                explained = True
        return explained

    def _write(self, path: tuple[str, ...], text: str) -> None:
        self._output.write(
            f"{INDENT * (len(path) - 1)}{path[-1]}{': ' if path[-1] else ''}{text}\n"
        )


def _members(thing: Any) -> Iterator[tuple[str, Any]]:
    """What a thing consists of, each with the name that leads to it."""
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
    found = inspect.getclosurevars(function)
    yield from found.nonlocals.items()
    yield from found.globals.items()
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


def _short(thing: Any) -> str:
    try:
        text = repr(thing)
    except Exception as error:  # noqa: BLE001 - a broken repr is no reason to stop looking
        text = f"<{type(thing).__name__} whose repr raised {error!r}>"
    return text if len(text) <= SHORT_MAX else text[: SHORT_MAX - 3] + "..."
