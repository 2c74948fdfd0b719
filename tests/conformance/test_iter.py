"""Iterators over the items of many actors.

Owns `aktis.util.iter`. Does not own actors.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

import aktis
from aktis.util.iter import (
    LocalIterator,
    ParallelIterator,
    ParallelIteratorWorker,
    from_actors,
    from_items,
    from_iterators,
    from_range,
)
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


def test_items_are_dealt_out_in_turn() -> None:
    iterator = from_items([1, 2, 3, 4, 5])

    assert [list(shard) for shard in iterator.shards()] == [[1, 3, 5], [2, 4]]
    assert repr(iterator) == "ParallelIterator[from_items[int, 5, shards=2]]"


def test_a_range_is_cut_into_stretches() -> None:
    iterator = from_range(10, num_shards=3)

    assert [list(shard) for shard in iterator.shards()] == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    assert repr(iterator) == "ParallelIterator[from_range[10, shards=3]]"


def test_functions_give_what_cannot_be_sent() -> None:
    generators: list[Any] = [lambda: (number**2 for number in range(3)), range(2)]
    iterator = from_iterators(generators)

    assert list(iterator.gather_sync()) == [0, 0, 1, 1, 4]
    assert repr(iterator) == "ParallelIterator[from_iterators[shards=2]]"


def test_actors_of_a_program_are_shards() -> None:
    actors = [Squares.remote(count) for count in (2, 3)]
    iterator = from_actors(actors)

    assert list(iterator.gather_sync()) == [0, 0, 1, 1, 4]
    assert repr(iterator) == "ParallelIterator[from_actors[shards=2]]"


@pytest.mark.parametrize("count", [0, -1])
def test_a_number_of_shards_that_makes_no_sense_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"num_shards must be 1 or more, not {count}"):
        from_items([1, 2], count)
    with pytest.raises(ValueError, match=f"num_shards must be 1 or more, not {count}"):
        from_range(2, count)
    with pytest.raises(ValueError, match=f"num_partitions must be 1 or more, not {count}"):
        from_range(2).repartition(count)


@pytest.mark.parametrize(
    "make",
    [
        lambda: from_items([1, 2], 1, repeat=True),
        lambda: from_iterators([lambda: iter([1, 2])], repeat=True),
    ],
)
def test_what_repeats_begins_again(make: Callable[[], ParallelIterator[int]]) -> None:
    assert make().take(5) == [1, 2, 1, 2, 1]


def test_a_shard_without_items_has_nothing_to_repeat() -> None:
    assert from_items([1, 2], 3, repeat=True).take(5) == [1, 2, 1, 2, 1]


def test_what_can_be_read_once_cannot_repeat() -> None:
    with pytest.raises(ValueError, match="iterated over once"):
        from_iterators([Once()], repeat=True).take(5)


def test_it_is_gathered_before_it_is_iterated_over() -> None:
    with pytest.raises(TypeError, match="gather_sync"):
        iter(from_range(2))


def test_gather_sync_takes_one_item_of_each_shard_in_turn() -> None:
    gathered = from_iterators([[0, 2, 4], [1], [5]]).gather_sync()

    assert list(gathered) == [0, 1, 5, 2, 4]
    assert list(gathered) == []


def test_gather_async_takes_items_as_they_are_ready(gate: Gate) -> None:
    gates: list[list[Gate | None]] = [[gate], [None, None]]
    iterator = from_iterators(gates).for_each(pass_gate).gather_async()

    assert [next(iterator), next(iterator)] == ["free", "free"]
    gate.open()
    assert list(iterator) == ["passed"]


@pytest.mark.parametrize(("batch_ms", "num_async"), [(0, 3), (5, 1), (5, 4)])
def test_gather_async_takes_all_items_however_they_are_asked_for(
    batch_ms: int, num_async: int
) -> None:
    gathered = from_range(100).gather_async(batch_ms=batch_ms, num_async=num_async)

    assert sorted(gathered) == list(range(100))


@pytest.mark.parametrize(("batch_ms", "num_async"), [(0, 3), (5, 1), (5, 4)])
def test_a_shard_keeps_its_order_however_it_is_asked_for(batch_ms: int, num_async: int) -> None:
    shard = from_range(100, 2).get_shard(1, batch_ms=batch_ms, num_async=num_async)

    assert list(shard) == list(range(50, 100))


@pytest.mark.parametrize("options", [{"batch_ms": -1}, {"num_async": 0}])
def test_requests_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    iterator = from_range(2)

    with pytest.raises(ValueError, match=next(iter(options))):
        iterator.gather_async(**options)
    with pytest.raises(ValueError, match=next(iter(options))):
        iterator.get_shard(0, **options)


def test_batch_across_shards_gives_a_list_with_one_item_of_each() -> None:
    rows = from_iterators([[0, 2, 4], [1, 3]]).batch_across_shards()

    assert list(rows) == [[0, 1], [2, 3], [4]]


def test_transformations_run_in_the_actors() -> None:
    iterator = from_range(10, 2).for_each(lambda number: number * 10).filter(lambda it: it > 20)

    assert list(iterator.get_shard(0)) == [30, 40]
    assert repr(iterator) == "ParallelIterator[from_range[10, shards=2].for_each().filter()]"
    pids = from_range(2, 2).for_each(lambda _: aktis.get_runtime_context().get_actor_id())
    assert len(set(pids.gather_sync())) == 2


def test_batches_are_lists_and_flatten_takes_them_apart() -> None:
    batches = from_range(5, 1).batch(2)

    assert batches.take(9) == [[0, 1], [2, 3], [4]]
    assert batches.flatten().take(9) == [0, 1, 2, 3, 4]


def test_combine_takes_apart_what_a_function_gives() -> None:
    assert from_range(3, 1).combine(lambda number: [number] * number).take(9) == [1, 2, 2]


def test_transform_takes_a_generator_function() -> None:
    assert from_range(6, 1).transform(every_second).take(9) == [0, 2, 4]
    assert list(from_range(6, 1).gather_sync().transform(every_second)) == [0, 2, 4]


def test_for_each_runs_in_tasks_if_several_calls_may_run_at_once(gate: Gate) -> None:
    iterator = from_iterators([[gate, None]]).for_each(
        pass_gate, max_concurrency=2, resources={"num_cpus": 0.5}
    )
    gathered = iterator.gather_sync()

    assert next(gathered) == "free"
    gate.open()
    assert list(gathered) == ["passed"]


@pytest.mark.parametrize("max_concurrency", [0, 1, 2])
def test_for_each_leaves_nothing_out(max_concurrency: int) -> None:
    doubled = from_range(10).for_each(lambda it: it * 2, max_concurrency=max_concurrency)
    here = from_range(10).gather_sync().for_each(lambda it: it * 2, max_concurrency)

    assert sorted(doubled.gather_sync()) == sorted(here) == list(range(0, 20, 2))


def test_a_concurrency_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="max_concurrency"):
        from_range(1).for_each(str, max_concurrency=-1)
    with pytest.raises(ValueError, match="max_concurrency"):
        from_range(1).gather_sync().for_each(str, max_concurrency=-1)


def test_local_shuffle_changes_the_order_within_a_shard() -> None:
    shards = from_range(40).local_shuffle(20, seed=7).shards()

    first, second = (list(shard) for shard in shards)

    assert sorted(first) == list(range(20)) != first
    assert sorted(second) == list(range(20, 40)) != second


def test_a_shuffle_with_a_small_buffer_moves_items_a_little() -> None:
    shuffled = list(from_range(50, 1).gather_sync().shuffle(3, seed=1))

    assert sorted(shuffled) == list(range(50)) != shuffled
    assert all(item - place < 3 for place, item in enumerate(shuffled))


def test_repartition_deals_the_items_out_anew() -> None:
    iterator = from_range(8, 2).for_each(lambda number: number + 10).repartition(3, batch_ms=1)

    shards = [sorted(shard) for shard in iterator.shards()]

    assert shards == [[10, 13, 14, 17], [11, 15], [12, 16]]
    assert iterator.num_shards() == 3


def test_union_has_the_shards_of_both() -> None:
    both = from_range(3, 1).for_each(lambda number: -number).union(from_range(2, 1))

    assert both.num_shards() == 2
    assert list(both.gather_sync()) == [0, 0, -1, 1, -2]
    with pytest.raises(TypeError, match="ParallelIterator"):
        both.union([1])  # type: ignore[arg-type]


def test_shards_can_be_selected() -> None:
    iterator = from_range(6, 3)

    assert list(iterator.select_shards([0, 2]).gather_sync()) == [0, 4, 1, 5]
    for wrong in ([], [3]):
        with pytest.raises(ValueError, match="from 0 to 2"):
            iterator.select_shards(wrong)
    with pytest.raises(ValueError, match="union"):
        iterator.union(from_range(1)).select_shards([0])
    with pytest.raises(ValueError, match="from 0 to 2"):
        iterator.get_shard(3)


def test_take_and_show_read_the_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    iterator = from_range(10, 1)

    assert iterator.take(3) == [0, 1, 2]
    from_range(10, 1).show(2)
    assert capsys.readouterr().out == "0\n1\n"


def test_a_shard_is_read_by_a_task() -> None:
    shards = from_range(6).for_each(lambda number: number + 1).shards()

    @aktis.remote
    def total(shard: LocalIterator[int]) -> int:
        return sum(shard)

    assert aktis.get([total.remote(shard) for shard in shards]) == [6, 15]


def test_an_iterator_that_has_begun_cannot_be_sent() -> None:
    shard = from_range(4, 1).get_shard(0)
    next(shard)

    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(shard)


def test_items_are_paired_with_the_actors_that_made_them() -> None:
    actors = [Squares.remote(2), Squares.remote(2)]
    pairs = list(from_actors(actors).gather_async().zip_with_source_actor())

    assert sorted(item for _, item in pairs) == [0, 0, 1, 1]
    assert {actor for actor, _ in pairs} == set(actors)
    with pytest.raises(ValueError, match="gather_async"):
        from_range(1, 1).gather_sync().zip_with_source_actor().take(1)


def test_functions_note_metrics_that_a_union_shares() -> None:
    def counted(item: int) -> int:
        LocalIterator.get_metrics().counters["items"] += 1
        return item

    left = from_range(3, 1).gather_sync().for_each(counted)
    right = from_range(2, 1).gather_sync().for_each(counted)
    seen = left.union(right).for_each(lambda _: LocalIterator.get_metrics().counters["items"])

    assert list(seen)[-1] == 5
    with pytest.raises(ValueError, match="within functions"):
        LocalIterator.get_metrics()


def test_a_local_union_takes_what_is_ready(gate: Gate) -> None:
    slow = from_iterators([[gate]]).for_each(pass_gate).gather_sync()
    fast = from_items(["a", "b", "c"], 1).gather_sync()
    union = slow.union(fast)

    assert [next(union) for _ in range(3)] == ["a", "b", "c"]
    gate.open()
    assert list(union) == ["passed"]


def test_a_local_union_takes_turns_if_asked() -> None:
    def parts() -> list[LocalIterator[int]]:
        return [from_range(4, 1).gather_sync(), from_items([10, 11], 1).gather_sync()]

    first, second = parts()
    assert list(first.union(second, deterministic=True)) == [0, 10, 1, 11, 2, 3]
    first, second = parts()
    assert list(first.union(second, round_robin_weights=[2, 1])) == [0, 1, 10, 2, 3, 11]
    first, second = parts()
    assert sorted(first.union(second, round_robin_weights=[1, "*"])) == [0, 1, 2, 3, 10, 11]


def test_a_local_union_that_makes_no_sense_is_refused() -> None:
    here = from_range(1, 1).gather_sync()

    with pytest.raises(ValueError, match="LocalIterators"):
        here.union([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weight for each"):
        here.union(here, round_robin_weights=[1])
    for wrong in (0, -1, "all"):
        with pytest.raises(ValueError, match=f"more than 0, or '\\*', not {wrong!r}"):
            here.union(here, round_robin_weights=[1, wrong])


def test_duplicates_give_all_items_each() -> None:
    first, second = from_range(4, 2).gather_sync().duplicate(2)

    assert list(first) == [0, 2, 1, 3]
    assert list(second) == [0, 2, 1, 3]
    with pytest.raises(ValueError, match="2 iterators"):
        from_range(1).gather_sync().duplicate(1)


def test_duplicates_keep_step_in_a_union() -> None:
    copies = from_range(20, 1).gather_async().duplicate(2)
    marked = [copy.for_each(partial(with_mark, mark)) for mark, copy in enumerate(copies)]

    taken = marked[0].union(marked[1]).take(20)

    counts = [sum(mark == wanted for mark, _ in taken) for wanted in (0, 1)]
    assert abs(counts[0] - counts[1]) <= 2


class Once:
    """An iterator that can be sent."""

    def __init__(self) -> None:
        self.left = 2

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if not self.left:
            raise StopIteration
        self.left -= 1
        return self.left


@aktis.remote
class Squares(ParallelIteratorWorker):
    def __init__(self, count: int) -> None:
        super().__init__(lambda: (number**2 for number in range(count)), repeat=False)


def pass_gate(gate: Gate | None) -> str:
    if gate is None:
        return "free"
    gate.wait()
    return "passed"


def with_mark(mark: int, item: int) -> tuple[int, int]:
    return mark, item


def every_second(items: Iterable[int]) -> Iterator[int]:
    for place, item in enumerate(items):
        if place % 2 == 0:
            yield item
