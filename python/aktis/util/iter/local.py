"""Iterators in one process, over what actors produce.

Owns their transformations. Does not own how items come from actors (`parallel`).

Inside, an iterator may yield `Waiting` instead of an item: nothing is ready, and these are the refs
that will be. Transformations pass it on. Whoever takes items waits for the refs, and `union` looks
at its other parts first, so that nobody asks again and again.
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import aktis
from aktis.util.iter.metrics import MetricsContext, SharedMetrics, current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aktis.types import ObjectRef

T = TypeVar("T")

# How many items of a part without a weight `union` takes before it looks at the others.
TURN_ITEMS_MAX = 100


class Waiting:
    """Nothing is ready.

    Attributes:
        refs: What to wait for; without any, others should go first.
    """

    def __init__(self, refs: Sequence[ObjectRef[Any]]) -> None:
        self.refs = list(refs)


class LocalIterator(Generic[T]):
    """Iterates over items, which come from actors perhaps.

    It can be sent to tasks and actors until it has begun; one process reads it.
    """

    def __init__(
        self,
        base_iterator: Callable[[], Iterable[Any]],
        shared_metrics: SharedMetrics | None = None,
        local_transforms: Sequence[Callable[[Iterator[Any]], Iterator[Any]]] = (),
        name: str = "unknown",
    ) -> None:
        """An iterator over what a function gives, which is called once iteration begins."""
        self.name = name
        self.shared_metrics = shared_metrics or SharedMetrics()
        self._base = base_iterator
        self._transforms = tuple(local_transforms)
        self._built: Iterator[Any] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        item = next(self.begun())
        while isinstance(item, Waiting):
            if item.refs:
                aktis.wait(item.refs)
            item = next(self.begun())
        found: T = item
        return found

    def __repr__(self) -> str:
        return f"LocalIterator[{self.name}]"

    @staticmethod
    def get_metrics() -> MetricsContext:
        """The notes of the iterator, within a function that it calls.

        Raises:
            ValueError: no iterator calls.
        """
        return current()

    def begun(self) -> Iterator[Any]:
        """The items with `Waiting` among them; iteration has begun."""
        if self._built is None:
            built = iter(self._base())
            for transform in self._transforms:
                built = transform(built)
            self._built = built
        return self._built

    def transform(self, fn: Callable[[Iterable[Any]], Iterable[Any]]) -> LocalIterator[Any]:
        """Applies a generator function to the items, which it reads one after the other."""

        def transformed(items: Iterator[Any]) -> Iterator[Any]:
            source: LocalIterator[Any] = LocalIterator(lambda: items, self.shared_metrics)
            return iter(fn(source))

        return self._then(transformed, "transform()")

    def for_each(
        self,
        fn: Callable[[T], Any],
        max_concurrency: int = 1,
        resources: dict[str, Any] | None = None,
    ) -> LocalIterator[Any]:
        """Applies a function to each item.

        Args:
            fn: The function.
            max_concurrency: 1 applies it here, one item after the other. Otherwise each item is a
                task, as many of them at once, or all if it is 0; results come as they are ready.
            resources: Options of those tasks, such as `num_cpus`.

        Raises:
            ValueError: `max_concurrency` is negative.
        """
        if max_concurrency < 0:
            message = f"max_concurrency must be 0 or more, not {max_concurrency}"
            raise ValueError(message)
        if max_concurrency != 1:
            return self._then(_TaskForEach(fn, max_concurrency, resources or {}), "for_each()")

        def applied(items: Iterator[Any]) -> Iterator[Any]:
            for item in items:
                if isinstance(item, Waiting):
                    yield item
                    continue
                with self.shared_metrics.at_hand():
                    result = fn(item)
                yield result

        return self._then(applied, "for_each()")

    def filter(self, fn: Callable[[T], bool]) -> LocalIterator[T]:
        """Keeps the items for which a function is true."""

        def kept(items: Iterator[Any]) -> Iterator[Any]:
            for item in items:
                if isinstance(item, Waiting):
                    yield item
                    continue
                with self.shared_metrics.at_hand():
                    is_kept = fn(item)
                if is_kept:
                    yield item

        return self._then(kept, "filter()")

    def batch(self, n: int) -> LocalIterator[list[T]]:
        """Puts so many items at a time into lists; the last may be shorter."""

        def batched(items: Iterator[Any]) -> Iterator[Any]:
            batch: list[Any] = []
            for item in items:
                if isinstance(item, Waiting):
                    yield item
                    continue
                batch.append(item)
                if len(batch) >= n:
                    yield batch
                    batch = []
            if batch:
                yield batch

        return self._then(batched, f"batch({n})")

    def flatten(self) -> LocalIterator[Any]:
        """Takes the items out of lists."""
        return self._then(_flattened, "flatten()")

    def shuffle(self, shuffle_buffer_size: int, seed: int | None = None) -> LocalIterator[T]:
        """Yields the items in another order, drawn from a buffer of so many.

        Args:
            shuffle_buffer_size: As large as the input is for an order by chance alone.
            seed: Fixes the order.
        """

        def shuffled(items: Iterator[Any]) -> Iterator[Any]:
            chance = random.Random(seed)  # noqa: S311 - no secret
            buffer: list[Any] = []
            for item in items:
                if isinstance(item, Waiting):
                    yield item
                    continue
                buffer.append(item)
                if len(buffer) >= shuffle_buffer_size:
                    yield buffer.pop(chance.randrange(len(buffer)))
            chance.shuffle(buffer)
            yield from buffer

        name = f"shuffle(shuffle_buffer_size={shuffle_buffer_size}, seed={seed})"
        return self._then(shuffled, name)

    def combine(self, fn: Callable[[T], Iterable[Any]]) -> LocalIterator[Any]:
        """Applies a function that gives lists, and takes the items out of them."""
        combined = self.for_each(fn).flatten()
        combined.name = f"{self.name}.combine()"
        return combined

    def zip_with_source_actor(self) -> LocalIterator[tuple[Any, T]]:
        """Pairs each item with the actor that made it; for what `gather_async` gives.

        Raises:
            ValueError: when an item comes of which that is not known.
        """
        zipped = self.for_each(_with_source)
        zipped.name = f"{self.name}.zip_with_source_actor()"
        return zipped

    def take(self, n: int) -> list[T]:
        """The next items, as many as there are but at most so many."""
        return [item for _, item in zip(range(n), self, strict=False)]

    def show(self, n: int = 20) -> None:
        """Prints the next items, at most so many."""
        for item in self.take(n):
            print(item)  # noqa: T201 - what it is for

    def duplicate(self, n: int) -> list[LocalIterator[T]]:
        """Iterators that each give all items; in a `union`, the one that lags behind goes first.

        Items that one has taken and another has not are kept here.

        Raises:
            ValueError: `n` is less than 2.
        """
        if n < 2:  # noqa: PLR2004 - one is no copy
            message = f"duplicate() makes 2 iterators or more, not {n}"
            raise ValueError(message)
        queues: list[deque[T]] = [deque() for _ in range(n)]

        def copied(index: int) -> Iterator[Any]:
            own = queues[index]
            while True:
                if not own and any(queues):
                    yield Waiting([])
                while not own:
                    item: Any = next(self.begun(), _END)
                    if item is _END:
                        return
                    if isinstance(item, Waiting):
                        yield item
                        continue
                    for queue in queues:
                        queue.append(item)
                yield own.popleft()

        def copy_of(index: int) -> LocalIterator[T]:
            name = f"{self.name}.duplicate[{index}]"
            return LocalIterator(lambda: copied(index), self.shared_metrics, name=name)

        return [copy_of(index) for index in range(n)]

    def union(
        self,
        *others: LocalIterator[T],
        deterministic: bool = False,
        round_robin_weights: Sequence[float | str] | None = None,
    ) -> LocalIterator[T]:
        """Iterates over the items of several iterators, as they are ready.

        Args:
            *others: The other iterators.
            deterministic: Whether to take one item of each in turn instead.
            round_robin_weights: How many items to take of each in turn instead, this one first; a
                part of one is taken as often as it says, and "*" is all that are ready.

        Raises:
            ValueError: something is no `LocalIterator`, the weights are not as many, or one of them
                is neither more than 0 nor "*".
        """
        parts = [self, *others]
        for part in others:
            if not isinstance(part, LocalIterator):
                message = f"union() takes LocalIterators, not {part!r}"
                raise ValueError(message)  # noqa: TRY004 - programs written for Ray catch ValueError
        weights = list(round_robin_weights or ([1] if deterministic else ["*"]) * len(parts))
        if len(weights) != len(parts):
            message = f"union() takes a weight for each of {len(parts)} iterators, not {weights}"
            raise ValueError(message)
        for weight in weights:
            if weight != "*" and (isinstance(weight, str) or weight <= 0):
                message = f"a weight of union() is a number of more than 0, or '*', not {weight!r}"
                raise ValueError(message)
        metrics = SharedMetrics()
        metrics.join([part.shared_metrics for part in parts])
        name = f"LocalUnion[{', '.join(map(repr, parts))}]"
        pairs = list(zip(parts, weights, strict=True))
        return LocalIterator(lambda: _united(pairs), metrics, name=name)

    def _then(
        self, transform: Callable[[Iterator[Any]], Iterator[Any]], name: str
    ) -> LocalIterator[Any]:
        return LocalIterator(
            self._base, self.shared_metrics, (*self._transforms, transform), f"{self.name}.{name}"
        )


_END = object()


class _TaskForEach:
    """Applies a function in tasks."""

    def __init__(self, fn: Callable[[Any], Any], count_max: int, options: dict[str, Any]) -> None:
        self._fn = fn
        self._count_max = count_max
        self._options = options

    def __call__(self, items: Iterator[Any]) -> Iterator[Any]:
        function: Any = aktis.remote(self._fn).options(**self._options)
        running: list[Any] = []
        for item in items:
            if isinstance(item, Waiting):
                yield item
                continue
            while self._count_max and len(running) >= self._count_max:
                yield from _finished(running)
            running.append(function.remote(item))
        while running:
            yield from _finished(running)


def _finished(running: list[Any]) -> Iterator[Any]:
    """What has ended, or `Waiting`; it runs no longer."""
    ready, running[:] = aktis.wait(running, num_returns=len(running), timeout=0)
    if not ready:
        yield Waiting(running)
    yield from aktis.get(ready)


def _flattened(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, Waiting):
            yield item
        else:
            yield from item


def _with_source(item: Any) -> tuple[Any, Any]:
    actor = current().current_actor
    if actor is None:
        message = "which actor made an item is known of items that gather_async() brings"
        raise ValueError(message)
    return actor, item


def _united(pairs: list[tuple[LocalIterator[Any], float | str]]) -> Iterator[Any]:
    active = list(pairs)
    while active:
        waits: list[Waiting] = []
        came = 0
        for part, weight in list(active):
            try:
                for _ in range(_turn(weight)):
                    item = next(part.begun() if weight == "*" else part)
                    if isinstance(item, Waiting):
                        waits.append(item)
                        break
                    came += 1
                    yield item
            except StopIteration:
                active.remove((part, weight))
        if waits and not came:
            # One that only let others go first goes on now.
            goes_on = not all(wait.refs for wait in waits)
            refs = dict.fromkeys(ref for wait in waits for ref in wait.refs)
            yield Waiting([] if goes_on else list(refs))


def _turn(weight: float | str) -> int:
    """How many items a part gives in one turn."""
    if isinstance(weight, str):
        return TURN_ITEMS_MAX
    return int(weight) + (random.random() < weight % 1)  # noqa: S311 - no secret
