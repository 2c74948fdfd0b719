"""The queue that tasks and actors share.

Owns `aktis.util.queue`.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator

import pytest

import aktis
from aktis.exceptions import AktisError
from aktis.util.queue import Empty, Full, Queue

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def items() -> Iterator[Queue]:
    """A queue without a limit."""
    made = Queue()
    yield made
    made.shutdown(force=True)


@pytest.fixture
def pair() -> Iterator[Queue]:
    """A queue with room for two."""
    made = Queue(maxsize=2)
    yield made
    made.shutdown(force=True)


def test_items_come_out_in_the_order_in_which_they_went_in(items: Queue) -> None:
    for item in ("first", None, [3]):
        items.put(item)

    assert [items.get() for _ in range(3)] == ["first", None, [3]]


def test_it_says_how_many_items_it_holds(pair: Queue) -> None:
    before = (len(pair), pair.size(), pair.qsize(), pair.empty(), pair.full())
    pair.put(1)
    pair.put(2)

    assert before == (0, 0, 0, True, False)
    assert (len(pair), pair.size(), pair.qsize(), pair.empty(), pair.full()) == (
        2,
        2,
        2,
        False,
        True,
    )


def test_a_queue_without_a_limit_is_never_full(items: Queue) -> None:
    items.put_nowait_batch(range(1_000))

    assert not items.full()


def test_it_raises_what_the_standard_library_raises(pair: Queue) -> None:
    with pytest.raises(queue.Empty):
        pair.get_nowait()
    pair.put_nowait_batch([1, 2])
    with pytest.raises(queue.Full):
        pair.put_nowait(3)


def test_whoever_may_not_wait_is_refused_at_once(pair: Queue) -> None:
    with pytest.raises(Empty):
        pair.get(block=False)
    pair.put_nowait_batch([1, 2])
    with pytest.raises(Full):
        pair.put(3, block=False)


def test_a_wait_ends_after_its_timeout(pair: Queue) -> None:
    with pytest.raises(Empty, match=r"0\.01"):
        pair.get(timeout=0.01)
    pair.put_nowait_batch([1, 2])
    with pytest.raises(Full, match=r"0\.01"):
        pair.put(3, timeout=0.01)
    assert pair.size() == 2


def test_a_negative_timeout_is_refused(items: Queue) -> None:
    with pytest.raises(ValueError, match="timeout"):
        items.get(timeout=-1)
    with pytest.raises(ValueError, match="timeout"):
        items.put(1, timeout=-1)


def test_a_batch_goes_in_whole_or_not_at_all(pair: Queue) -> None:
    pair.put(0)

    with pytest.raises(Full, match="room for 1"):
        pair.put_nowait_batch([1, 2])

    assert pair.size() == 1


def test_a_batch_comes_out_whole_or_not_at_all(items: Queue) -> None:
    items.put_nowait_batch(iter("abc"))

    with pytest.raises(Empty, match="holds 3"):
        items.get_nowait_batch(4)
    assert items.get_nowait_batch(2) == ["a", "b"]
    assert items.get_nowait_batch(0) == []


def test_a_batch_that_makes_no_sense_is_refused(items: Queue) -> None:
    with pytest.raises(TypeError):
        items.put_nowait_batch(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="num_items"):
        items.get_nowait_batch("2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_items"):
        items.get_nowait_batch(-1)


def test_tasks_share_a_queue(items: Queue) -> None:
    @aktis.remote
    def produce(shared: Queue, value: int) -> None:
        shared.put(value)

    for value in range(4):
        produce.remote(items, value)

    assert sorted(items.get() for _ in range(4)) == [0, 1, 2, 3]


def test_a_task_waits_for_an_item_that_another_process_adds(items: Queue) -> None:
    @aktis.remote
    def consume(shared: Queue) -> object:
        return shared.get()

    ref = consume.remote(items)
    items.put("late")

    assert aktis.get(ref) == "late"


def test_it_can_be_awaited(pair: Queue) -> None:
    async def exchange() -> tuple[object, object]:
        await pair.put_async(1)
        await pair.put_async(2, block=False)
        return await pair.get_async(), await pair.get_async(timeout=1)

    assert asyncio.run(exchange()) == (1, 2)


def test_a_wait_on_a_loop_ends_too(items: Queue) -> None:
    async def take() -> None:
        await items.get_async(timeout=0.01)

    with pytest.raises(Empty):
        asyncio.run(take())


def test_the_actor_takes_options() -> None:
    named = Queue(actor_options={"name": "letters", "num_cpus": 0})

    assert aktis.get_actor("letters") == named.actor
    named.shutdown()


@pytest.mark.parametrize("force", [False, True])
def test_shutdown_ends_the_actor(*, force: bool) -> None:
    made = Queue()
    made.put(1)
    actor = made.actor

    made.shutdown(force=force)
    made.shutdown(force=force)

    with pytest.raises(AktisError):
        aktis.get(actor.size.remote())
