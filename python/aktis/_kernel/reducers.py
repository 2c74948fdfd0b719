"""Serializers of a program's own: how instances of some classes are pickled, by whichever pickler.

Owns what was registered. Does not own the picklers (`aktis._kernel.serialize`,
`aktis._kernel.carrying`), nor the public names (`aktis.serializers`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Reducer = Callable[[Any], tuple[Any, ...]]

registered: dict[type, Reducer] = {}


def register(
    kind: type, *, serializer: Callable[[Any], object], deserializer: Callable[[Any], object]
) -> None:
    """From now on, instances of exactly `kind` are carried as what `serializer` makes of them."""

    def reduce(value: object) -> tuple[Any, ...]:
        return deserializer, (serializer(value),)

    registered[kind] = reduce


def deregister(kind: type) -> None:
    """Forgets what was registered for `kind`. Harmless if nothing was."""
    registered.pop(kind, None)
