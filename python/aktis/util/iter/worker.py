"""The actor behind a shard.

Owns how it hands out its items, one after the other or by partitions. Does not own who asks
(`parallel`).
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from aktis.util.iter.local import LocalIterator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class ParallelIteratorWorker:
    """Produces the items of a shard; actors that are given to `from_actors` derive from it."""

    def __init__(self, item_generator: Any, repeat: bool) -> None:  # noqa: FBT001 - Ray's signature
        """Takes what to iterate over.

        Args:
            item_generator: Something to iterate over, or a function that gives it.
            repeat: Whether to begin again at its end, for ever, unless it has no items.
        """
        self._items = _repeated(item_generator) if repeat else _made(item_generator)
        self._transformed: Iterator[Any] = iter(())
        self._by_partition: list[deque[Any]] = []

    def par_iter_init(self, transforms: list[Callable[[Any], LocalIterator[Any]]]) -> None:
        """Begins, with the first item if it can be had again; the items come transformed."""
        found: LocalIterator[Any] = LocalIterator(lambda: self._items)
        for transform in transforms:
            found = transform(found)
        self._transformed = found
        self._by_partition = []

    def par_iter_next_batch(self, batch_ms: int) -> list[Any]:
        """The next item, or as many as come within so many milliseconds; none at the end."""
        return _batch(self._transformed, batch_ms)

    def par_iter_slice_batch(self, step: int, start: int, batch_ms: int) -> list[Any]:
        """The same of one partition of `step`, to which every `step`-th item belongs."""
        if not self._by_partition:
            self._by_partition = [deque() for _ in range(step)]
        return _batch(self._partition(start), batch_ms)

    def _partition(self, index: int) -> Iterator[Any]:
        """The items of a partition; those of others are kept for them."""
        while True:
            while self._by_partition[index]:
                yield self._by_partition[index].popleft()
            came = list(itertools.islice(self._transformed, len(self._by_partition)))
            if not came:
                return
            for queue, item in zip(self._by_partition, came, strict=False):
                queue.append(item)
            if not self._by_partition[index]:
                return


def _batch(items: Iterator[Any], batch_ms: int) -> list[Any]:
    end_s = time.monotonic() + batch_ms / 1000
    batch = list(itertools.islice(items, 1))
    while batch and time.monotonic() < end_s:
        came = list(itertools.islice(items, 1))
        if not came:
            break
        batch += came
    return batch


def _made(item_generator: Any) -> Iterable[Any]:
    made: Iterable[Any] = item_generator() if callable(item_generator) else item_generator
    return made


def _repeated(item_generator: Any) -> Iterator[Any]:
    while True:
        items = _made(item_generator)
        if items is item_generator and iter(items) is items:
            message = (
                f"{item_generator!r} can be iterated over once, not repeatedly; give a list, or a "
                f"function that makes a new iterator each time"
            )
            raise ValueError(message)
        has_items = False
        for item in items:
            has_items = True
            yield item
        if not has_items:
            return
