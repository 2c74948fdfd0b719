"""Serializers of a program's own, for classes that pickle cannot carry, and what calls for one.

Owns the public names. Does not own pickling, nor the search (`aktis._kernel`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis._kernel import culprits, reducers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aktis._kernel.culprits import Culprit, Note


def register_serializer(
    cls: type, *, serializer: Callable[[Any], object], deserializer: Callable[[Any], object]
) -> None:
    """Has instances of exactly `cls` carried as what `serializer` makes of them.

    It holds for what this process sends; `deserializer` travels along.
    """
    reducers.register(cls, serializer=serializer, deserializer=deserializer)


def deregister_serializer(cls: type) -> None:
    """Forgets what was registered for `cls`; harmless if nothing was."""
    reducers.deregister(cls)


def culprits_in(value: object, name: str, *, depth: int, note: Note) -> Iterator[Culprit]:
    """Finds what in a value keeps it from being sent to another process.

    Args:
        value: The value.
        name: What to call it.
        depth: How many steps to look inside.
        note: Told of each thing that cannot be sent: its path, itself, and the error.
    """
    return culprits.Search(note).culprits(value, (name,), depth)
