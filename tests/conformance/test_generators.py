"""How results that come one by one reach the caller: streams of refs, and fixed numbers of them.

Owns generators of tasks and actors. Waiting for a stream is in `test_wait`, stopping one in
`test_cancel`.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

import aktis
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_generator_function_gives_a_stream_of_refs() -> None:
    stream = count_to.remote(5)

    assert isinstance(stream, aktis.ObjectRefGenerator)
    refs = list(stream)
    assert all(isinstance(ref, aktis.ObjectRef) for ref in refs)
    assert aktis.get(refs) == [0, 1, 2, 3, 4]


def test_an_item_is_there_before_the_task_has_ended(gate: Gate) -> None:
    stream = yield_around.remote(gate)

    assert aktis.get(next(stream)) == "before"
    assert not gate.is_open()
    gate.open()
    assert aktis.get(next(stream)) == "after"
    with pytest.raises(StopIteration):
        next(stream)


def test_a_generator_may_delegate_to_another_iterator() -> None:
    @aktis.remote
    def delegate() -> Iterator[int]:
        yield from range(2)
        yield from iter([2, 3])

    assert [aktis.get(ref) for ref in delegate.remote()] == [0, 1, 2, 3]


def test_a_task_that_reads_a_stream_lends_its_cpus_to_the_one_that_yields() -> None:
    @aktis.remote(num_cpus=4)
    def total() -> int:
        return sum(aktis.get(ref) for ref in count_to.remote(3))

    assert aktis.get(total.remote(), timeout=30) == 3


def test_a_stream_of_nothing_ends_at_once() -> None:
    assert list(count_to.remote(0)) == []


def test_streaming_may_be_asked_for_by_name() -> None:
    stream = count_to.options(num_returns="streaming").remote(3)

    assert [aktis.get(ref) for ref in stream] == [0, 1, 2]


def test_the_task_runs_ahead_of_its_consumer(tally: Tally) -> None:
    stream = count_and_tally.remote(tally, 10)

    wait_for(lambda: tally.count() == 10)
    assert len(list(stream)) == 10


def test_backpressure_stops_the_task_until_items_are_taken(tally: Tally) -> None:
    stream = count_and_tally.options(_generator_backpressure_num_objects=2).remote(tally, 10)

    wait_for(lambda: tally.count() == 2)
    assert aktis.get(next(stream)) == 0
    wait_for(lambda: tally.count() == 3)
    assert aktis.wait([stream.completed()], timeout=0.2)[0] == []
    assert tally.count() == 3
    assert [aktis.get(ref) for ref in stream] == list(range(1, 10))


def test_backpressure_of_one_goes_in_step(tally: Tally) -> None:
    stream = count_and_tally.options(_generator_backpressure_num_objects=1).remote(tally, 3)

    wait_for(lambda: tally.count() == 1)
    for expected in range(3):
        assert tally.count() <= expected + 1
        assert aktis.get(next(stream)) == expected


def test_backpressure_of_zero_is_refused() -> None:
    with pytest.raises(ValueError):
        count_to.options(_generator_backpressure_num_objects=0).remote(1)


def test_an_error_is_the_next_item_and_then_the_stream_ends() -> None:
    @aktis.remote
    def fail_after_two() -> Iterator[int]:
        yield 0
        yield 1
        raise KeyError("third")

    stream = fail_after_two.remote()
    refs = list(stream)

    assert aktis.get(refs[:2]) == [0, 1]
    assert len(refs) == 3
    with pytest.raises(KeyError, match="third"):
        aktis.get(refs[2])


def test_a_task_that_cannot_start_gives_one_failed_item() -> None:
    @aktis.remote
    def fail() -> int:
        raise KeyError("argument")

    refs = list(count_to.remote(fail.remote()))

    assert len(refs) == 1
    with pytest.raises(KeyError, match="argument"):
        aktis.get(refs[0])


def test_the_return_value_of_a_generator_is_ignored() -> None:
    @aktis.remote
    def yield_and_return() -> Any:
        yield 1
        return 2

    assert [aktis.get(ref) for ref in yield_and_return.remote()] == [1]


def test_items_may_be_large_and_are_not_copied() -> None:
    @aktis.remote
    def arrays() -> Iterator[np.ndarray]:
        for index in range(3):
            yield np.full(200_000, index)

    values = [aktis.get(ref) for ref in arrays.remote()]

    assert [int(value.sum()) for value in values] == [0, 200_000, 400_000]
    assert not any(value.flags.writeable for value in values)


def test_the_whole_task_has_a_ref_too(gate: Gate) -> None:
    stream = yield_around.remote(gate)
    completed = stream.completed()

    assert aktis.wait([completed], timeout=0.1) == ([], [completed])
    gate.open()
    aktis.get(completed)
    assert stream.is_finished() is False
    list(stream)
    assert stream.is_finished() is True


def test_whether_the_next_item_is_ready_can_be_asked(gate: Gate) -> None:
    stream = yield_around.remote(gate)

    wait_for(stream.next_ready)
    next(stream)
    assert not stream.next_ready()
    gate.open()
    wait_for(stream.next_ready)


@pytest.mark.parametrize("method", ["send", "throw", "close"])
def test_a_stream_cannot_be_sent_to_or_thrown_into(method: str) -> None:
    stream = count_to.remote(1)
    arguments = {"send": (1,), "throw": (ValueError,), "close": ()}[method]

    with pytest.raises(NotImplementedError):
        getattr(stream, method)(*arguments)


def test_a_stream_can_be_consumed_by_asyncio() -> None:
    async def collect() -> list[int]:
        return [await ref async for ref in count_to.remote(5)]

    assert asyncio.run(collect()) == [0, 1, 2, 3, 4]


def test_a_stream_can_be_consumed_inside_a_task() -> None:
    @aktis.remote
    def total(count: int) -> int:
        return sum(aktis.get(ref) for ref in count_to.remote(count))

    assert aktis.get(total.remote(10)) == 45


def test_items_outlive_the_stream() -> None:
    stream = count_to.remote(3)
    refs = [next(stream), next(stream)]
    del stream
    gc.collect()

    assert aktis.get(refs) == [0, 1]


def test_a_ref_of_an_item_can_be_an_argument() -> None:
    @aktis.remote
    def double(value: int) -> int:
        return 2 * value

    assert aktis.get([double.remote(ref) for ref in count_to.remote(3)]) == [0, 2, 4]


def test_a_long_stream_keeps_its_order() -> None:
    assert [aktis.get(ref) for ref in count_to.remote(2000)] == list(range(2000))


def test_several_streams_may_be_open_at_once() -> None:
    streams = [count_to.remote(20) for _ in range(3)]

    rounds = [[aktis.get(next(stream)) for stream in streams] for _ in range(20)]

    assert rounds == [[index] * 3 for index in range(20)]


def test_a_retried_generator_shows_each_item_once(tally: Tally) -> None:
    @aktis.remote(retry_exceptions=True, max_retries=3)
    def fail_once() -> Iterator[int]:
        attempt = tally.add()
        yield 0
        yield 1
        if attempt == 1:
            raise RuntimeError
        yield 2

    assert [aktis.get(ref) for ref in fail_once.remote()] == [0, 1, 2]
    assert tally.count() == 2


def test_a_fixed_number_of_returns_stores_the_items_one_by_one() -> None:
    refs = count_to.options(num_returns=3).remote(3)

    assert aktis.get(refs) == [0, 1, 2]


def test_a_fixed_number_of_returns_must_be_reached() -> None:
    refs = count_to.options(num_returns=3).remote(2)

    with pytest.raises(ValueError):
        aktis.get(refs[-1])


@pytest.mark.parametrize("kind", ["task", "method"])
def test_dynamic_returns_give_one_ref_of_all_items_and_are_deprecated(kind: str) -> None:
    function = count_to if kind == "task" else Streamer.remote().count
    with pytest.warns(DeprecationWarning, match="streaming") as caught:
        ref = function.options(num_returns="dynamic").remote(3)
    assert {warning.filename for warning in caught} == {__file__}

    items = aktis.get(ref)

    assert isinstance(items, aktis.DynamicObjectRefGenerator)
    assert len(items) == 3
    assert [aktis.get(item) for item in items] == [0, 1, 2]


def test_a_method_of_an_actor_may_stream() -> None:
    actor = Streamer.remote()

    assert [aktis.get(ref) for ref in actor.count.remote(3)] == [0, 1, 2]
    assert [aktis.get(ref) for ref in actor.count.remote(2)] == [0, 1]


def test_an_async_method_may_stream() -> None:
    actor = AsyncStreamer.remote()

    assert [aktis.get(ref) for ref in actor.count.remote(3)] == [0, 1, 2]


def test_streams_of_an_async_actor_run_at_the_same_time(gate: Gate) -> None:
    actor = AsyncStreamer.remote()
    waiting = actor.count_after.remote(gate, 2)

    assert [aktis.get(ref) for ref in actor.count.remote(2)] == [0, 1]
    gate.open()
    assert [aktis.get(ref) for ref in waiting] == [0, 1]


@pytest.mark.parametrize("method", ["count", "count_in_a_thread"])
def test_streams_of_an_async_actor_that_wait_for_their_consumers_hold_back_no_other(
    method: str,
) -> None:
    actor = AsyncStreamer.remote()
    stepwise = getattr(actor, method).options(_generator_backpressure_num_objects=1)
    streams = [stepwise.remote(3) for _ in range(50)]

    last: list[int] = []
    for _ in range(3):
        assert aktis.wait([streams[-1]], timeout=20) == ([streams[-1]], [])
        last.append(aktis.get(next(streams[-1])))

    assert last == [0, 1, 2]
    assert [aktis.get(list(stream)) for stream in streams[:-1]] == [[0, 1, 2]] * 49


def test_a_threaded_actor_may_stream(gate: Gate) -> None:
    actor = Streamer.options(max_concurrency=2).remote()
    waiting = actor.count_after.remote(gate, 2)

    assert [aktis.get(ref) for ref in actor.count.remote(2)] == [0, 1]
    gate.open()
    assert [aktis.get(ref) for ref in waiting] == [0, 1]


def test_an_error_in_a_streaming_method_leaves_the_actor_alive() -> None:
    actor = Streamer.remote()
    refs = list(actor.fail.remote())

    with pytest.raises(KeyError):
        aktis.get(refs[-1])
    assert [aktis.get(ref) for ref in actor.count.remote(1)] == [0]


def test_backpressure_may_be_declared_on_a_method(tally: Tally) -> None:
    stream = Streamer.remote().slowly.remote(tally, 6)

    wait_for(lambda: tally.count() == 1)
    assert aktis.get(next(stream)) == 0
    assert tally.count() <= 2
    assert [aktis.get(ref) for ref in stream] == [1, 2, 3, 4, 5]


@aktis.remote
def count_to(count: int) -> Iterator[int]:
    for index in range(count):  # noqa: UP028
        yield index


@aktis.remote
def count_and_tally(tally: Tally, count: int) -> Iterator[int]:
    for index in range(count):
        tally.add()
        yield index


@aktis.remote
def yield_around(gate: Gate) -> Iterator[str]:
    yield "before"
    gate.wait()
    yield "after"


@aktis.remote
class Streamer:
    def count(self, count: int) -> Iterator[int]:
        for index in range(count):  # noqa: UP028
            yield index

    def count_after(self, gate: Gate, count: int) -> Iterator[int]:
        gate.wait()
        for index in range(count):  # noqa: UP028
            yield index

    def fail(self) -> Iterator[int]:
        yield 0
        raise KeyError("second")

    @aktis.method(_generator_backpressure_num_objects=1)
    def slowly(self, tally: Tally, count: int) -> Iterator[int]:
        for index in range(count):
            tally.add()
            yield index


@aktis.remote
class AsyncStreamer:
    async def count(self, count: int) -> AsyncIterator[int]:
        for index in range(count):
            yield index

    def count_in_a_thread(self, count: int) -> Iterator[int]:
        for index in range(count):  # noqa: UP028
            yield index

    async def count_after(self, gate: Gate, count: int) -> AsyncIterator[int]:
        await gate.wait_async()
        for index in range(count):
            yield index
