"""How an actor with `async` methods runs: one event loop, many calls at once.

Owns async execution. Groups with limits of their own are in `test_concurrency_groups`.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_calls_of_an_async_actor_run_at_the_same_time() -> None:
    meeting = Meeting.remote(100)

    assert aktis.get([meeting.arrive.remote() for _ in range(100)]) == [100] * 100


def test_a_thousand_calls_run_at_the_same_time_by_default() -> None:
    meeting = Meeting.remote(1000)

    assert aktis.get([meeting.arrive.remote() for _ in range(1000)]) == [1000] * 1000


@pytest.mark.parametrize("limit", [1, 3])
def test_max_concurrency_limits_the_calls_under_way(limit: int, gate: Gate, tally: Tally) -> None:
    meeting = Meeting.options(max_concurrency=limit).remote(0)
    refs = [meeting.arrive_and_wait.remote(tally, gate) for _ in range(6)]

    wait_for(lambda: tally.count() == limit)
    assert aktis.wait(refs, timeout=0.2) == ([], refs)
    assert tally.count() == limit
    gate.open()
    aktis.get(refs)
    assert tally.count() == 6


def test_a_single_async_method_makes_the_actor_async() -> None:
    @aktis.remote
    class Mixed:
        def on_loop(self) -> bool:
            return asyncio.get_running_loop().is_running()

        async def wait(self) -> None: ...

    assert aktis.get(Mixed.remote().on_loop.remote()) is True


def test_a_sync_method_of_an_async_actor_blocks_its_loop(started: Gate, gate: Gate) -> None:
    @aktis.remote
    class Mixed:
        def block(self, started: Gate, gate: Gate) -> bool:
            started.open()
            gate.wait()
            return True

        async def answer(self) -> bool:
            return True

    mixed = Mixed.remote()
    aktis.get(mixed.answer.remote())
    blocking = mixed.block.remote(started, gate)
    started.wait()
    behind = mixed.answer.remote()

    assert aktis.wait([behind], timeout=0.2) == ([], [behind])
    gate.open()
    assert aktis.get([blocking, behind]) == [True, True]


def test_a_ref_can_be_awaited_inside_an_async_actor(gate: Gate) -> None:
    @aktis.remote
    class Waiter:
        async def wait_for(self, box: list[aktis.ObjectRef[Any]]) -> Any:
            return await box[0]

        async def ping(self) -> bool:
            return True

    waiter = Waiter.remote()
    waiting = waiter.wait_for.remote([pass_gate.remote(gate, "value")])

    assert aktis.get(waiter.ping.remote()) is True
    gate.open()
    assert aktis.get(waiting) == "value"


def test_a_ref_that_a_method_of_an_async_actor_returns_stays_a_ref() -> None:
    @aktis.remote
    class Starter:
        def start(self) -> aktis.ObjectRef[int]:
            return double.remote(2)

        async def start_on_loop(self) -> aktis.ObjectRef[int]:
            return double.remote(3)

    starter = Starter.remote()
    refs = aktis.get([starter.start.remote(), starter.start_on_loop.remote()])

    assert all(isinstance(ref, aktis.ObjectRef) for ref in refs)
    assert aktis.get(refs) == [4, 6]


def test_several_refs_can_be_gathered_inside_an_async_actor() -> None:
    @aktis.remote
    class Gatherer:
        async def gather(self) -> list[int]:
            return await asyncio.gather(*[double.remote(value) for value in range(10)])

    assert aktis.get(Gatherer.remote().gather.remote()) == [2 * value for value in range(10)]


def test_an_error_awaited_inside_an_async_actor_can_be_caught() -> None:
    @aktis.remote
    def fail() -> None:
        raise KeyError("inner")

    @aktis.remote
    class Catcher:
        async def catch(self) -> str:
            try:
                await fail.remote()
            except KeyError as error:
                return str(error)
            return "nothing"

    assert "inner" in aktis.get(Catcher.remote().catch.remote())


def test_an_error_in_an_async_method_reaches_the_caller_and_ends_nothing() -> None:
    @aktis.remote
    class Failing:
        async def fail(self) -> None:
            raise KeyError("async")

        async def ping(self) -> bool:
            return True

    failing = Failing.remote()

    with pytest.raises(KeyError, match="async"):
        aktis.get(failing.fail.remote())
    assert aktis.get(failing.ping.remote()) is True


def test_a_call_of_an_async_actor_may_be_awaited_by_the_driver() -> None:
    meeting = Meeting.remote(2)

    async def meet() -> list[int]:
        return list(await asyncio.gather(meeting.arrive.remote(), meeting.arrive.remote()))

    assert asyncio.run(meet()) == [2, 2]


def test_a_call_whose_argument_is_late_is_overtaken(gate: Gate) -> None:
    @aktis.remote
    class Echo:
        async def echo(self, value: Any) -> Any:
            return value

    echo = Echo.remote()
    late = echo.echo.remote(pass_gate.remote(gate, "late"))

    assert aktis.get(echo.echo.remote("early")) == "early"
    gate.open()
    assert aktis.get(late) == "late"


def test_the_constructor_of_an_async_actor_may_use_the_loop_later() -> None:
    @aktis.remote
    class Queue:
        def __init__(self) -> None:
            self.items: asyncio.Queue[int] = asyncio.Queue()

        async def put(self, item: int) -> None:
            await self.items.put(item)

        async def take(self) -> int:
            return await self.items.get()

    queue = Queue.remote()
    taken = [queue.take.remote() for _ in range(3)]
    aktis.get([queue.put.remote(value) for value in range(3)])

    assert sorted(aktis.get(taken)) == [0, 1, 2]


def test_the_constructor_of_an_async_actor_runs_on_its_loop() -> None:
    @aktis.remote
    class Counting:
        def __init__(self, start: int, ref: list[Any]) -> None:
            self.loop = asyncio.get_running_loop()
            self.task = asyncio.create_task(self.count(start))
            # What waits in a constructor keeps no call waiting, so it is not warned of.
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.value = aktis.get(ref[0])

        async def count(self, start: int) -> int:
            return start + 1

        async def counted(self) -> tuple[bool, int, int]:
            return self.loop is asyncio.get_running_loop(), await self.task, self.value

    counting = Counting.remote(1, [aktis.put(5)])

    assert aktis.get(counting.counted.remote()) == (True, 2, 5)


def test_a_constructor_of_an_async_actor_that_raises_is_told() -> None:
    @aktis.remote
    class Broken:
        def __init__(self) -> None:
            asyncio.get_running_loop()
            raise ValueError(0)

        async def never(self) -> None: ...

    with pytest.raises(aktis.exceptions.ActorDiedError, match="its constructor raised"):
        aktis.get(Broken.remote().never.remote())


def test_an_async_actor_may_start_background_tasks() -> None:
    @aktis.remote
    class Background:
        def __init__(self) -> None:
            self.done = asyncio.Event()

        async def begin(self) -> None:
            self.task = asyncio.create_task(self.work())

        async def work(self) -> None:
            self.done.set()

        async def finished(self) -> bool:
            await self.done.wait()
            return True

    background = Background.remote()
    aktis.get(background.begin.remote())

    assert aktis.get(background.finished.remote()) is True


def test_the_runtime_context_belongs_to_the_call_across_awaits() -> None:
    @aktis.remote
    class Context:
        def __init__(self) -> None:
            self.turn = asyncio.Event()

        async def wait(self) -> tuple[str | None, str | None]:
            before = aktis.get_runtime_context().get_task_id()
            await self.turn.wait()
            return before, aktis.get_runtime_context().get_task_id()

        async def release(self) -> None:
            self.turn.set()

    context = Context.remote()
    waiting = [context.wait.remote() for _ in range(3)]
    aktis.get(context.release.remote())
    pairs = aktis.get(waiting)

    assert all(before == after for before, after in pairs)
    assert len({before for before, _ in pairs}) == 3


def test_threads_of_a_threaded_actor_are_not_the_main_thread(tmp_path: Path) -> None:
    @aktis.remote(max_concurrency=2)
    class Threaded:
        def meet(self, own: Gate, other: Gate) -> int:
            own.open()
            other.wait()
            return threading.get_ident()

    threaded = Threaded.remote()
    first, second = Gate(tmp_path / "first"), Gate(tmp_path / "second")
    threads = aktis.get([threaded.meet.remote(first, second), threaded.meet.remote(second, first)])

    assert len(set(threads)) == 2


@aktis.remote
class Meeting:
    """Everyone waits until all have arrived."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.arrived = 0
        self.complete = asyncio.Event()

    async def arrive(self) -> int:
        self.arrived += 1
        if self.arrived == self.size:
            self.complete.set()
        await self.complete.wait()
        return self.arrived

    async def arrive_and_wait(self, tally: Tally, gate: Gate) -> None:
        tally.add()
        await gate.wait_async()


@aktis.remote
def double(value: int) -> int:
    return 2 * value


@aktis.remote
def pass_gate(gate: Gate, value: Any) -> Any:
    gate.wait()
    return value
