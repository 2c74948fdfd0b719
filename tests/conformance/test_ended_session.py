"""What becomes of those who wait, and of refs, when another thread ends the session.

Owns one row for each way to wait. Who waits for processes that die is in `tests/faults`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import aktis
from aktis.exceptions import ObjectLostError
from aktis.util import ActorPool, Executor, as_completed
from aktis.util.multiprocessing import Pool
from aktis.util.queue import Queue
from tests.conformance.waiting import wait_for

LEFT = "this process has left the cluster"
OVER = "the session ended before the"


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """A session that the test ends."""
    aktis.shutdown()
    aktis.init(address="local", num_cpus=1)
    yield
    aktis.shutdown()


@aktis.remote
def hang() -> None:
    """Ends with its process."""
    threading.Event().wait()


@aktis.remote
def hang_before_the_second() -> Iterator[int]:
    """Yields once."""
    yield 1
    threading.Event().wait()


@aktis.remote
class Cell:
    """An actor that is busy."""

    def hang(self, _value: object = None) -> None:
        """Ends with its process."""
        threading.Event().wait()


def hang_here(_value: object = None) -> None:
    """Ends with its process."""
    threading.Event().wait()


async def awaited(ref: aktis.ObjectRef[Any]) -> Any:
    return await ref


async def all_of(stream: AsyncIterator[Any]) -> list[Any]:
    return [await ref async for ref in stream]


def of_get() -> Callable[[], object]:
    ref = hang.remote()
    return lambda: aktis.get(ref)


def of_wait() -> Callable[[], object]:
    refs = [hang.remote(), hang.remote()]
    return lambda: aktis.wait(refs, num_returns=2)


def of_a_future() -> Callable[[], object]:
    return hang.remote().future().result


def of_several_futures() -> Callable[[], object]:
    futures = [hang.remote().future() for _ in range(3)]
    return lambda: [done.result() for done in concurrent.futures.as_completed(futures)]


def of_await() -> Callable[[], object]:
    ref = hang.remote()
    return lambda: asyncio.run(awaited(ref))


def of_a_stream() -> Callable[[], object]:
    stream = hang_before_the_second.remote()
    return lambda: [aktis.get(ref) for ref in stream]


def of_an_async_stream() -> Callable[[], object]:
    stream = hang_before_the_second.remote()
    return lambda: asyncio.run(all_of(stream))


def of_as_completed() -> Callable[[], object]:
    refs = [hang.remote() for _ in range(3)]
    return lambda: list(as_completed(refs))


def of_an_actor() -> Callable[[], object]:
    cell = Cell.remote()
    ref = cell.hang.remote()
    return lambda: (aktis.get(ref), cell)


def of_an_actor_pool() -> Callable[[], object]:
    pool = ActorPool([Cell.remote()])
    pool.submit(lambda cell, value: cell.hang.remote(value), 1)
    return pool.get_next


def of_a_queue() -> Callable[[], object]:
    return Queue(actor_options={"num_cpus": 0}).get


def of_an_executor() -> Callable[[], object]:
    return Executor().submit(hang_here).result


def of_an_executor_with_calls_unsent() -> Callable[[], object]:
    executor = Executor(max_workers=1)
    return [executor.submit(hang_here) for _ in range(20)][-1].result


def of_executor_map() -> Callable[[], object]:
    results = Executor().map(hang_here, range(3))
    return lambda: list(results)


def of_executor_shutdown() -> Callable[[], object]:
    executor = Executor()
    future = executor.submit(hang_here)

    def wait() -> object:
        executor.shutdown()
        return future.result()

    return wait


def of_a_pool() -> Callable[[], object]:
    return Pool(1).apply_async(hang_here).get


def of_a_pool_with_jobs_unsent() -> Callable[[], object]:
    pool = Pool(1)
    return [pool.apply_async(hang_here) for _ in range(5)][-1].get


def of_pool_imap() -> Callable[[], object]:
    results = Pool(1).imap_unordered(hang_here, range(5))
    return lambda: list(results)


def of_pool_join() -> Callable[[], object]:
    pool = Pool(1)
    result = pool.apply_async(hang_here)
    pool.close()

    def wait() -> object:
        pool.join()
        return result.get()

    return wait


WAITS = [
    of_get, of_wait, of_a_future, of_several_futures, of_await, of_a_stream, of_an_async_stream,
    of_as_completed, of_an_actor, of_an_actor_pool, of_a_queue, of_an_executor,
    of_an_executor_with_calls_unsent, of_executor_map, of_executor_shutdown, of_a_pool,
    of_a_pool_with_jobs_unsent, of_pool_imap, of_pool_join,
]  # fmt: skip


@pytest.mark.parametrize("begin", WAITS, ids=lambda begin: begin.__name__)
def test_a_thread_that_waits_hears_of_the_end(begin: Callable[[], Callable[[], object]]) -> None:
    blocked = Blocked(begin())

    aktis.shutdown()

    error = blocked.error()
    assert isinstance(error, RuntimeError), repr(error)
    assert str(error).startswith((LEFT, OVER)), repr(error)
    assert not aktis.is_initialized(), "whoever waited began another session"


def test_a_callback_hears_of_the_end() -> None:
    heard: list[object] = []
    hang.remote()._on_completed(heard.append)

    aktis.shutdown()

    wait_for(lambda: heard)
    assert [(type(error), str(error)) for error in heard] == [(RuntimeError, LEFT)]


def test_refs_of_an_ended_session_are_lost_to_the_next_one() -> None:
    unready, ready, large = hang.remote(), aktis.put(1), aktis.put(bytes(1 << 20))
    aktis.shutdown()
    aktis.init(address="local", num_cpus=1)
    # Their ids begin anew: these are called as those were.
    same = aktis.put(2)
    call = aktis.remote(lambda value: value)

    for use in (
        lambda: aktis.get(unready),
        lambda: aktis.get([large]),
        lambda: aktis.wait([ready]),
        unready.future,
        lambda: asyncio.run(awaited(unready)),
        lambda: call.remote(ready),
        lambda: call.remote([ready]),
        lambda: aktis.put([ready]),
        lambda: aktis.cancel(unready),
    ):
        with pytest.raises(ObjectLostError, match="the session it belongs to has ended"):
            use()

    assert aktis.get(call.remote(same)) == 2


def test_a_stream_of_an_ended_session_does_not_go_on() -> None:
    stream = hang_before_the_second.remote()
    aktis.get(next(stream))
    aktis.shutdown()

    with pytest.raises(ObjectLostError, match="the session it belongs to has ended"):
        next(stream)
    assert not aktis.is_initialized()


def test_an_executor_and_a_pool_of_an_ended_session_take_no_more_calls() -> None:
    executor, pool = Executor(), Pool(1)
    aktis.shutdown()

    with pytest.raises(RuntimeError, match="its session has ended"):
        executor.submit(abs, -1)
    with pytest.raises(ValueError, match="Pool not running"):
        pool.apply_async(abs, (-1,))
    assert not aktis.is_initialized(), "a call began another session"


class Blocked:
    """A thread that waits."""

    def __init__(self, wait: Callable[[], object]) -> None:
        """Returns once it does."""
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(wait,), daemon=True)
        self._thread.start()
        wait_for(self._is_asleep)

    def error(self) -> BaseException | None:
        """What ended the wait."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "it waits still"
        return self._error

    def _run(self, wait: Callable[[], object]) -> None:
        try:
            wait()
        except BaseException as error:  # noqa: BLE001 - it is what the test is about
            self._error = error

    def _is_asleep(self) -> bool:
        """Whether it sleeps, somewhere outside of this file."""
        frame: FrameType | None = sys._current_frames().get(self._thread.ident or 0)
        status = Path(f"/proc/self/task/{self._thread.native_id}/stat").read_text()
        state = status.rpartition(")")[2].split()[0]
        return frame is not None and frame.f_code.co_filename != __file__ and state == "S"
