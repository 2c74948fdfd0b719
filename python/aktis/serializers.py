"""Serializers of a program's own, for classes that pickle cannot carry.

Owns the public names. Does not own pickling (`aktis._kernel.serialize`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis._kernel import serialize

if TYPE_CHECKING:
    from collections.abc import Callable


def register_serializer(
    cls: type, *, serializer: Callable[[Any], object], deserializer: Callable[[Any], object]
) -> None:
    """Has instances of exactly `cls` carried as what `serializer` makes of them.

    It holds for what this process sends; `deserializer` travels along.
    """
    serialize.register(cls, serializer=serializer, deserializer=deserializer)


def deregister_serializer(cls: type) -> None:
    """Forgets what was registered for `cls`; harmless if nothing was."""
    serialize.deregister(cls)


def try_serialize(value: object) -> Exception | None:
    """Serializes a value as for another process, and returns the error if that fails."""
    try:
        serialize.dumps(value)
    except Exception as error:  # noqa: BLE001 - a `__reduce__` of the user's may raise anything
        return error
    return None
