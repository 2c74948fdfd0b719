"""The executor: what `concurrent.futures` promises, with calls on the cluster.

Owns `aktis.util.Executor`. Pools are in `test_process_pool`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.exceptions import WorkerCrashedError
from aktis.util import Executor
from tests.conformance.conftest import CPUS
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def executor() -> Iterator[Executor]:
    """An executor as large as the cluster."""
    with Executor() as made:
        yield made


def test_submit_returns_a_future_of_the_result(executor: Executor) -> None:
    future = executor.submit(pow, 2, exp=10)

    assert isinstance(future, concurrent.futures.Future)
    assert future.result() == 1024


def test_a_call_runs_in_another_process(executor: Executor) -> None:
    assert executor.submit(os.getpid).result() != os.getpid()


def test_functions_that_cannot_be_imported_are_called_too(executor: Executor) -> None:
    step = 3

    assert executor.submit(lambda value: value + step, 4).result() == 7
    assert executor.submit(functools.partial(divmod, 7), 2).result() == (3, 1)


def test_a_method_is_called_on_its_object_as_it_is_at_each_call(executor: Executor) -> None:
    items: list[int] = []

    before = executor.submit(items.__len__).result()
    items.append(1)

    assert (before, executor.submit(items.__len__).result()) == (0, 1)


def test_an_error_arrives_as_exactly_what_was_raised(executor: Executor) -> None:
    error = executor.submit(fail, "broken").exception()

    assert type(error) is ValueError
    assert error.args == ("broken",)
    assert "in fail" in str(error.__cause__)


def test_an_exception_that_is_returned_is_a_result(executor: Executor) -> None:
    result = executor.submit(ValueError, "returned").result()

    assert isinstance(result, ValueError)


def test_an_argument_that_cannot_be_pickled_is_the_error_of_the_future(executor: Executor) -> None:
    future = executor.submit(print, threading.Lock())

    assert isinstance(future.exception(), TypeError)
    assert executor.submit(abs, -1).result() == 1


def test_an_argument_that_is_a_ref_arrives_as_its_value(executor: Executor) -> None:
    assert executor.submit(negated, aktis.put(-5)).result() == 5


def test_a_function_with_much_in_its_closure_is_called_often(executor: Executor) -> None:
    large = bytes(300_000)

    futures = [executor.submit(lambda index: len(large) + index, index) for index in range(3)]

    assert [future.result() for future in futures] == [300_000, 300_001, 300_002]


def test_map_yields_results_in_the_order_of_the_input(executor: Executor) -> None:
    assert list(executor.map(pow, range(5), [2] * 5)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("chunksize", [1, 3, 100])
def test_map_gives_the_same_with_chunks(executor: Executor, chunksize: int) -> None:
    assert list(executor.map(abs, range(-7, 0), chunksize=chunksize)) == [7, 6, 5, 4, 3, 2, 1]


def test_map_raises_what_a_call_raised_in_its_turn(executor: Executor) -> None:
    results = executor.map(reject_two, range(4))

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_map_gives_up_after_its_timeout(executor: Executor, gate: Gate) -> None:
    results = executor.map(Gate.wait, [gate], timeout=0.1)

    with pytest.raises(TimeoutError):
        next(results)
    gate.open()


def test_map_refuses_chunks_without_items(executor: Executor) -> None:
    with pytest.raises(ValueError, match="chunksize"):
        executor.map(abs, [1], chunksize=0)


def test_many_small_calls_all_end_and_each_once(executor: Executor) -> None:
    futures = [executor.submit(abs, -index) for index in range(5_000)]

    assert [future.result() for future in futures] == list(range(5_000))


def test_no_more_calls_run_at_once_than_there_may_be_workers(gate: Gate, tally: Tally) -> None:
    with Executor(max_workers=2) as executor:
        futures = [executor.submit(count_and_wait, tally, gate) for _ in range(4)]
        wait_for(lambda: tally.count() == 2)

        assert [future.running() for future in futures] == [True, True, False, False]
        gate.open()

    assert tally.count() == 4


def test_a_call_that_waits_is_cancelled_and_never_runs(gate: Gate, tally: Tally) -> None:
    with Executor(max_workers=1) as executor:
        running = executor.submit(gate.wait)
        waiting = executor.submit(tally.add)

        assert waiting.cancel()
        assert not running.cancel()
        gate.open()

    assert waiting.cancelled()
    assert running.result() is None
    assert tally.count() == 0


def test_a_shut_down_executor_takes_no_calls() -> None:
    executor = Executor()
    executor.shutdown()

    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(abs, 1)


def test_shutdown_waits_for_what_was_submitted() -> None:
    executor = Executor(max_workers=1)
    futures = [executor.submit(abs, -1) for _ in range(20)]

    executor.shutdown()

    assert all(future.done() for future in futures)


def test_shutdown_may_cancel_what_waits(gate: Gate) -> None:
    executor = Executor(max_workers=1)
    futures = [executor.submit(gate.wait) for _ in range(3)]

    executor.shutdown(wait=False, cancel_futures=True)
    gate.open()

    done = concurrent.futures.wait(futures)
    assert not done.not_done
    assert [future.cancelled() for future in futures] == [False, True, True]


def test_terminate_workers_ends_what_runs(started: Gate, gate: Gate) -> None:
    executor = Executor(max_workers=1)
    running = executor.submit(open_and_wait, started, gate)
    waiting = executor.submit(abs, 1)
    started.wait()

    executor.terminate_workers()

    assert isinstance(running.exception(), aktis.exceptions.AktisError)
    assert waiting.cancelled()


def test_futures_work_with_wait_and_as_completed(executor: Executor) -> None:
    futures = [executor.submit(abs, -index) for index in range(10)]

    assert sorted(f.result() for f in concurrent.futures.as_completed(futures)) == list(range(10))
    assert not concurrent.futures.wait(futures).not_done


def test_a_done_callback_is_called_with_the_future(executor: Executor) -> None:
    told: list[Any] = []
    future = executor.submit(abs, -3)

    future.add_done_callback(told.append)

    wait_for(lambda: told == [future])


def test_an_event_loop_runs_its_calls_on_it(executor: Executor) -> None:
    async def call() -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, pow, 2, 5)

    assert asyncio.run(call()) == 32


def test_the_initializer_is_called_once_in_each_process(tally: Tally) -> None:
    with Executor(initializer=tally.add) as executor:
        processes = set(executor.map(process_of, range(50)))

    assert 1 <= len(processes) == tally.count()


def test_an_initializer_that_fails_breaks_the_calls() -> None:
    with Executor(initializer=fail, initargs=("not ready",)) as executor:
        error = executor.submit(abs, 1).exception()

    assert isinstance(error, concurrent.futures.BrokenExecutor)
    assert "not ready" in str(error)


def test_a_call_whose_worker_died_is_tried_again(tally: Tally) -> None:
    with Executor() as executor:
        result = executor.submit(die_at_first, tally).result()

    assert result == "alive"
    assert tally.count() == 2


def test_a_call_that_may_not_be_retried_runs_once(tally: Tally) -> None:
    with Executor(max_retries=0) as executor:
        error = executor.submit(die, tally).exception()

    assert isinstance(error, WorkerCrashedError)
    assert tally.count() == 1


def test_options_of_tasks_may_be_given() -> None:
    with Executor(num_cpus=2, resources={"widget": 1}) as executor:
        held = executor.submit(held_resources).result()

    assert held == {"CPU": 2.0, "widget": 1.0}


@pytest.mark.parametrize("max_workers", [0, -1])
def test_an_executor_has_a_worker_at_least(max_workers: int) -> None:
    with pytest.raises(ValueError, match="max_workers"):
        Executor(max_workers)


def test_tasks_that_wait_for_an_executor_of_their_own_lend_their_cpus() -> None:
    @aktis.remote
    def add_up(count: int) -> int:
        with Executor() as inner:
            return sum(inner.map(abs, range(count)))

    # More than the cluster has CPUs, so that each waits while others hold all of them.
    assert aktis.get([add_up.remote(5) for _ in range(2 * CPUS)]) == [10] * 2 * CPUS


def test_futures_of_a_session_that_ended_fail(drive: Any) -> None:
    ended = drive(
        """
        import time, aktis
        from aktis.util import Executor

        aktis.init(num_cpus=1)
        executor = Executor()
        futures = [executor.submit(time.sleep, 60) for _ in range(3)]
        aktis.shutdown()
        for future in futures:
            print(type(future.exception()).__name__)
        """
    )

    assert ended.lines == ["RuntimeError"] * 3
    assert ended.returncode == 0


def test_what_was_submitted_ends_before_the_program_does(drive: Any, tally: Tally) -> None:
    program = f"""
        import aktis
        from pathlib import Path
        from aktis.util import Executor
        from tests.conformance.waiting import Tally

        aktis.init(num_cpus=1)
        executor = Executor(max_workers=1)
        for _ in range(20):
            executor.submit(Tally(Path({str(tally.path)!r})).add)
        """

    assert drive(program).returncode == 0
    assert tally.count() == 20


def negated(value: Any) -> Any:
    return -value


def fail(text: str) -> None:
    raise ValueError(text)


def reject_two(value: int) -> int:
    if value == 2:
        message = "two"
        raise ValueError(message)
    return value


def count_and_wait(tally: Tally, gate: Gate) -> None:
    tally.add()
    gate.wait()


def open_and_wait(started: Gate, gate: Gate) -> None:
    started.open()
    gate.wait()


def process_of(_item: int) -> int:
    return os.getpid()


def die_at_first(tally: Tally) -> str:
    if tally.add() == 1:
        os._exit(1)
    return "alive"


def die(tally: Tally) -> None:
    tally.add()
    os._exit(1)


def held_resources() -> dict[str, float]:
    return aktis.get_runtime_context().get_assigned_resources()
