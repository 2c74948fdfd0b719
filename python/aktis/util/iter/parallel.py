"""Iterators over the items of many actors: transformed there, gathered here.

Owns shards and how their items are gathered. Does not own transformations, which are those of
`local`, applied in the actors (`worker`).
"""

from __future__ import annotations

import itertools
from collections import deque
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar

import aktis
from aktis.util.iter.local import LocalIterator, Waiting
from aktis.util.iter.metrics import SharedMetrics
from aktis.util.iter.worker import ParallelIteratorWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aktis.actor import ActorHandle

T = TypeVar("T")


class Shards(NamedTuple):
    """Actors, and what all of them do to their items."""

    actors: tuple[Any, ...]
    transforms: tuple[Any, ...] = ()

    def begin(self) -> None:
        """Has the actors begin."""
        aktis.get([actor.par_iter_init.remote(list(self.transforms)) for actor in self.actors])


def from_items(
    items: Sequence[T],
    num_shards: int = 2,
    repeat: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
) -> ParallelIterator[T]:
    """Iterates over items, dealt out in turn to so many new actors.

    Args:
        items: The items.
        num_shards: How many actors to make.
        repeat: Whether to begin again at the end, for ever.

    Raises:
        ValueError: `num_shards` is less than 1.
    """
    _check_count("num_shards", num_shards)
    dealt: list[list[T]] = [list(items[index::num_shards]) for index in range(num_shards)]
    kind = type(items[0]).__name__ if items else "None"
    name = f"from_items[{kind}, {len(items)}, shards={num_shards}{_noted(repeat=repeat)}]"
    return from_iterators(dealt, repeat=repeat, name=name)


def from_range(n: int, num_shards: int = 2, repeat: bool = False) -> ParallelIterator[int]:  # noqa: FBT001, FBT002 - Ray's signature
    """Iterates over the numbers below `n`, of which each of so many new actors has a stretch.

    Args:
        n: The end, which is not among them.
        num_shards: How many actors to make.
        repeat: Whether to begin again at the end, for ever.

    Raises:
        ValueError: `num_shards` is less than 1.
    """
    _check_count("num_shards", num_shards)
    length = n // num_shards
    ends = [length * (index + 1) for index in range(num_shards - 1)] + [n]
    ranges = list(itertools.starmap(range, zip([0, *ends], ends, strict=False)))
    name = f"from_range[{n}, shards={num_shards}{_noted(repeat=repeat)}]"
    return from_iterators(ranges, repeat=repeat, name=name)


def from_iterators(
    generators: Sequence[Iterable[T] | Callable[[], Iterable[T]]],
    repeat: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
    name: str | None = None,
) -> ParallelIterator[T]:
    """Iterates over what is given, each in a new actor.

    Args:
        generators: Lists and the like; or functions that give iterators, since those themselves
            often cannot be sent.
        repeat: Whether to begin again at the end, for ever.
        name: What the iterator is called when it is shown.
    """
    worker: Any = aktis.remote(ParallelIteratorWorker)
    actors = [worker.remote(generator, repeat) for generator in generators]
    named = name or f"from_iterators[shards={len(actors)}{_noted(repeat=repeat)}]"
    return from_actors(actors, name=named)


def from_actors(
    actors: Sequence[ActorHandle[Any]], name: str | None = None
) -> ParallelIterator[Any]:
    """Iterates over what actors produce, which derive from `ParallelIteratorWorker`.

    Args:
        actors: The actors.
        name: What the iterator is called when it is shown.
    """
    return ParallelIterator([Shards(tuple(actors))], name or f"from_actors[shards={len(actors)}]")


class ParallelIterator(Generic[T]):
    """Items of many actors, its shards: transformed there, and gathered here.

    It can be sent to tasks and actors; one process at a time reads a shard.
    """

    def __init__(
        self,
        actor_sets: Sequence[Shards],
        name: str,
        parent_iterators: Sequence[ParallelIterator[Any]] = (),
    ) -> None:
        """Iterators come from `from_items` and its like.

        Args:
            actor_sets: The actors by what they do to their items.
            name: What the iterator is called when it is shown.
            parent_iterators: Those from whose actors these take their items.
        """
        self.actor_sets = list(actor_sets)
        self.name = name
        self.parent_iterators = list(parent_iterators)

    def __iter__(self) -> NoReturn:
        message = "items are gathered first: iterate over it.gather_sync() or it.gather_async()"
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"ParallelIterator[{self.name}]"

    def transform(self, fn: Callable[[Iterable[T]], Iterable[Any]]) -> ParallelIterator[Any]:
        """Applies a generator function to the items of each shard."""
        return self._then(methodcaller("transform", fn), "transform()")

    def for_each(
        self,
        fn: Callable[[T], Any],
        max_concurrency: int = 1,
        resources: dict[str, Any] | None = None,
    ) -> ParallelIterator[Any]:
        """Applies a function to each item.

        Args:
            fn: The function.
            max_concurrency: 1 applies it in the actors, one item after the other. Otherwise each
                item is a task, as many of them at once for each shard, or all if it is 0.
            resources: Options of those tasks, such as `num_cpus`.

        Raises:
            ValueError: `max_concurrency` is negative.
        """
        if max_concurrency < 0:
            message = f"max_concurrency must be 0 or more, not {max_concurrency}"
            raise ValueError(message)
        return self._then(methodcaller("for_each", fn, max_concurrency, resources), "for_each()")

    def filter(self, fn: Callable[[T], bool]) -> ParallelIterator[T]:
        """Keeps the items for which a function is true."""
        return self._then(methodcaller("filter", fn), "filter()")

    def batch(self, n: int) -> ParallelIterator[list[T]]:
        """Puts so many items of a shard at a time into lists; the last may be shorter."""
        return self._then(methodcaller("batch", n), f"batch({n})")

    def flatten(self) -> ParallelIterator[Any]:
        """Takes the items out of lists."""
        return self._then(methodcaller("flatten"), "flatten()")

    def combine(self, fn: Callable[[T], Iterable[Any]]) -> ParallelIterator[Any]:
        """Applies a function that gives lists, and takes the items out of them."""
        return self._then(methodcaller("combine", fn), "combine()")

    def local_shuffle(
        self, shuffle_buffer_size: int, seed: int | None = None
    ) -> ParallelIterator[T]:
        """Yields the items of each shard in another order, drawn from a buffer of so many.

        Args:
            shuffle_buffer_size: As large as a shard is for an order by chance alone.
            seed: Fixes the order.
        """
        name = f"local_shuffle(shuffle_buffer_size={shuffle_buffer_size}, seed={seed})"
        return self._then(methodcaller("shuffle", shuffle_buffer_size, seed), name)

    def repartition(self, num_partitions: int, batch_ms: int = 0) -> ParallelIterator[T]:
        """Deals the items of all shards out to so many new actors, in turn.

        A shard keeps the items of a partition that nobody reads.

        Args:
            num_partitions: How many shards there are from here on.
            batch_ms: For how many milliseconds items are collected before they go on.

        Raises:
            ValueError: `num_partitions` is less than 1.
        """
        _check_count("num_partitions", num_partitions)
        for shards in self.actor_sets:
            shards.begin()
        actors = self._actors()
        partitions = [
            partial(_partition, actors, num_partitions, index, batch_ms)
            for index in range(num_partitions)
        ]
        worker: Any = aktis.remote(ParallelIteratorWorker)
        made = tuple(worker.remote(one, False) for one in partitions)  # noqa: FBT003 - Ray's signature
        name = f"{self.name}.repartition[num_partitions={num_partitions}]"
        return ParallelIterator([Shards(made)], name, [self])

    def gather_sync(self) -> LocalIterator[T]:
        """Iterates over one item of each shard in turn."""
        gathered = self.batch_across_shards().flatten()
        gathered.name = f"{self}.gather_sync()"
        return gathered

    def batch_across_shards(self) -> LocalIterator[list[T]]:
        """Iterates over lists with one item of each shard; shards that have ended are left out."""
        items = partial(_rows, tuple(self.actor_sets))
        return LocalIterator(items, name=f"{self}.batch_across_shards()")

    def gather_async(self, batch_ms: int = 0, num_async: int = 1) -> LocalIterator[T]:
        """Iterates over the items of all shards as they are ready.

        Args:
            batch_ms: For how many milliseconds a shard collects items before it gives them.
            num_async: How many requests to each shard are under way.

        Raises:
            ValueError: an argument makes no sense.
        """
        _check(batch_ms, num_async)
        metrics = SharedMetrics()
        items = partial(_as_ready, tuple(self.actor_sets), batch_ms, num_async, metrics)
        return LocalIterator(items, metrics, name=f"{self}.gather_async()")

    def take(self, n: int) -> list[T]:
        """The first items, one of each shard in turn, at most so many."""
        return self.gather_sync().take(n)

    def show(self, n: int = 20) -> None:
        """Prints the first items, one of each shard in turn, at most so many."""
        self.gather_sync().show(n)

    def union(self, other: ParallelIterator[T]) -> ParallelIterator[T]:
        """Has the shards of both.

        Raises:
            TypeError: `other` is no `ParallelIterator`.
        """
        if not isinstance(other, ParallelIterator):
            message = f"union() takes a ParallelIterator, not {other!r}"
            raise TypeError(message)
        return ParallelIterator(
            [*self.actor_sets, *other.actor_sets],
            f"ParallelUnion[{self}, {other}]",
            [*self.parent_iterators, *other.parent_iterators],
        )

    def select_shards(self, shards_to_keep: Sequence[int]) -> ParallelIterator[T]:
        """Has only these shards; no other iterator should read them.

        Raises:
            ValueError: it is a union, or a shard is not there.
        """
        if len(self.actor_sets) > 1:
            message = "select_shards() comes before union(), not after it"
            raise ValueError(message)
        ((actors, transforms),) = self.actor_sets
        if not shards_to_keep or not set(shards_to_keep) <= set(range(len(actors))):
            message = f"shards are chosen from 0 to {len(actors) - 1}, not {list(shards_to_keep)}"
            raise ValueError(message)
        kept = tuple(actors[index] for index in sorted(set(shards_to_keep)))
        name = f"{self}.select_shards({len(kept)} total)"
        return ParallelIterator([Shards(kept, transforms)], name, self.parent_iterators)

    def num_shards(self) -> int:
        """How many shards there are."""
        return len(self._actors())

    def shards(self) -> list[LocalIterator[T]]:
        """An iterator over each shard."""
        return [self.get_shard(index) for index in range(self.num_shards())]

    def get_shard(
        self, shard_index: int, batch_ms: int = 0, num_async: int = 1
    ) -> LocalIterator[T]:
        """Iterates over one shard; a task or an actor may do so in place of the caller.

        Args:
            shard_index: Which, from 0.
            batch_ms: For how many milliseconds the shard collects items before it gives them.
            num_async: How many requests to it are under way.

        Raises:
            ValueError: there is no such shard, or another argument makes no sense.
        """
        _check(batch_ms, num_async)
        single = [
            Shards((actor,), shards.transforms)
            for shards in self.actor_sets
            for actor in shards.actors
        ]
        if not 0 <= shard_index < len(single):
            message = f"shards go from 0 to {len(single) - 1}, and {shard_index} is none of them"
            raise ValueError(message)
        items = partial(_in_order, single[shard_index], batch_ms, num_async)
        return LocalIterator(items, name=f"{self.name}.shard[{shard_index}]")

    def _then(self, transform: Any, name: str) -> ParallelIterator[Any]:
        sets = [Shards(actors, (*done, transform)) for actors, done in self.actor_sets]
        return ParallelIterator(sets, f"{self.name}.{name}", self.parent_iterators)

    def _actors(self) -> tuple[Any, ...]:
        return tuple(actor for shards in self.actor_sets for actor in shards.actors)


def _rows(sets: Sequence[Shards]) -> Iterator[Any]:
    """Lists of one item of each actor that has one."""
    active = _begun(sets)
    while active:
        refs = [actor.par_iter_next_batch.remote(0) for actor in active]
        while waiting := aktis.wait(refs, num_returns=len(refs), timeout=0)[1]:
            yield Waiting(waiting)
        batches = aktis.get(refs)
        active = [actor for actor, batch in zip(active, batches, strict=True) if batch]
        if active:
            yield list(itertools.chain.from_iterable(batches))


def _as_ready(
    sets: Sequence[Shards], batch_ms: int, num_async: int, metrics: SharedMetrics
) -> Iterator[Any]:
    """The items of all actors, as they come."""
    ask = methodcaller("remote", batch_ms)
    actors = _begun(sets)
    running = {ask(actor.par_iter_next_batch): actor for _ in range(num_async) for actor in actors}
    while running:
        ready, waiting = aktis.wait(list(running), num_returns=len(running), timeout=0)
        if not ready:
            yield Waiting(waiting)
        for ref in ready:
            actor = running.pop(ref)
            batch = aktis.get(ref)
            if batch:
                running[ask(actor.par_iter_next_batch)] = actor
            for item in batch:
                metrics.context.current_actor = actor
                yield item


def _in_order(shard: Shards, batch_ms: int, num_async: int) -> Iterator[Any]:
    """The items of one actor."""
    shard.begin()
    (actor,) = shard.actors
    running = deque(actor.par_iter_next_batch.remote(batch_ms) for _ in range(num_async))
    while True:
        while not aktis.wait([running[0]], timeout=0)[0]:
            yield Waiting([running[0]])
        batch = aktis.get(running.popleft())
        if not batch:
            return
        running.append(actor.par_iter_next_batch.remote(batch_ms))
        yield from batch


def _partition(actors: Sequence[Any], count: int, index: int, batch_ms: int) -> Iterator[Any]:
    """The items of one partition, of all actors, in the actor that has it."""

    def ask(actor: Any) -> Any:
        return actor.par_iter_slice_batch.remote(count, index, batch_ms)

    running = {ask(actor): actor for actor in actors}
    while running:
        (ref,), _ = aktis.wait(list(running))
        actor = running.pop(ref)
        batch = aktis.get(ref)
        if batch:
            running[ask(actor)] = actor
        yield from batch


def _begun(sets: Sequence[Shards]) -> list[Any]:
    for shards in sets:
        shards.begin()
    return [actor for shards in sets for actor in shards.actors]


def _check(batch_ms: int, num_async: int) -> None:
    _check_count("num_async", num_async)
    if batch_ms < 0:
        message = f"batch_ms must be 0 milliseconds or more, not {batch_ms}"
        raise ValueError(message)


def _check_count(name: str, count: int) -> None:
    if count < 1:
        message = f"{name} must be 1 or more, not {count}"
        raise ValueError(message)


def _noted(*, repeat: bool) -> str:
    return ", repeat=True" if repeat else ""
