"""Tells what in a value cannot be sent to another process.

Owns what is printed. Does not own the search (`aktis.serializers`).
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

from aktis import serializers

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
    output = print_file or sys.stdout

    def note(path: tuple[str, ...], thing: Any, error: Exception) -> None:
        text = f"{path[-1]}: {_short(thing)} cannot be sent: {error}"
        output.write(f"{INDENT * (len(path) - 1)}{text}\n")

    title = name or getattr(base_obj, "__qualname__", None) or type(base_obj).__name__
    found = serializers.culprits_in(base_obj, title, depth=depth, note=note)
    failures = [FailureTuple(culprit.thing, culprit.path, culprit.parent) for culprit in found]
    if not failures:
        output.write(f"{title} can be sent to other processes.\n")
    for failure in failures:
        output.write(
            f"The reason is {'.'.join(failure.path)}: {_short(failure.obj)}. Make it where it "
            f"is used, leave it out with __getstate__, or see register_serializer().\n"
        )
    return not failures, set(failures)


def _short(thing: Any) -> str:
    try:
        text = repr(thing)
    except Exception as error:  # noqa: BLE001 - a broken repr is no reason to stop looking
        text = f"<{type(thing).__name__} whose repr raised {error!r}>"
    return text if len(text) <= SHORT_MAX else text[: SHORT_MAX - 3] + "..."
