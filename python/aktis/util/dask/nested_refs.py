"""Finds the refs inside a node of a graph, and puts their values there where it runs.

Owns the walk through nodes and containers. Does not own how refs travel: as arguments of a task,
so that the task waits for them.

Refs lie inside a node where Dask fused it with a part of a persisted collection, or where a program
gave a ref as an argument of a delayed call.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from dask._task_spec import DataNode, Task

from aktis.types import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What holds no ref, whatever its value; looked at by type, since lists of such may be long.
ATOMS = frozenset({bool, bytes, complex, float, int, slice, str, type(None)})


class Place(NamedTuple):
    """Stands in a node for the ref that is sent beside it."""

    number: int


def taken(value: Any) -> tuple[Any, list[ObjectRef[Any]]]:
    """The value with a place for each ref, and the refs; the value itself if it has none."""
    refs: list[ObjectRef[Any]] = []

    def take(ref: ObjectRef[Any]) -> Place:
        refs.append(ref)
        return Place(len(refs) - 1)

    return _replaced(value, ObjectRef, take), refs


def restored(value: Any, found: Sequence[Any]) -> Any:
    """What `taken` made, with the values of the refs in their places."""
    return _replaced(value, Place, lambda place: found[place.number])


def _replaced(value: Any, leaf: type, replace: Callable[[Any], Any]) -> Any:
    """The value with each leaf in it replaced; only what holds a leaf is copied."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is leaf:
        return replace(value)
    if kind in {list, tuple, set, frozenset}:
        return _replaced_items(value, leaf, replace)
    if kind is dict:
        items = list(value.values())
        replaced = _replaced_items(items, leaf, replace)
        return value if replaced is items else dict(zip(value, replaced, strict=True))
    return _replaced_node(value, leaf, replace)


def _replaced_items(items: Any, leaf: type, replace: Callable[[Any], Any]) -> Any:
    if ATOMS.issuperset(map(type, items)):
        return items
    replaced = [_replaced(item, leaf, replace) for item in items]
    if all(new is old for new, old in zip(replaced, items, strict=True)):
        return items
    return type(items)(replaced)


def _replaced_node(node: Any, leaf: type, replace: Callable[[Any], Any]) -> Any:
    if isinstance(node, DataNode):
        inner = _replaced(node.value, leaf, replace)
        return node if inner is node.value else DataNode(node.key, inner)
    if not isinstance(node, Task):
        return node
    args = _replaced_items(node.args, leaf, replace)
    kwargs = _replaced(node.kwargs, leaf, replace)
    if args is node.args and kwargs is node.kwargs:
        return node
    twin = copy.copy(node)
    twin.args, twin.kwargs = args, kwargs
    return twin
