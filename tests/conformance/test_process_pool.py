"""The pool of processes: what `multiprocessing.Pool` promises, on the cluster.

Owns `aktis.util.multiprocessing`.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.exceptions import ActorDiedError
from aktis.util.multiprocessing import Pool, TimeoutError as PoolTimeoutError
from tests.conformance.conftest import CPUS
from tests.conformance.waiting import Gate, Tally, process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")

PROCESSES = 2


@pytest.fixture(scope="module")
def shared_pool(session: aktis.Context) -> Iterator[Pool]:  # noqa: ARG001 - it must be there
    """A pool for tests that leave it as it was."""
    with Pool(PROCESSES) as made:
        yield made


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool that the test may close."""
    with Pool(PROCESSES) as made:
        yield made


def test_apply_waits_for_the_result(shared_pool: Pool) -> None:
    assert shared_pool.apply(pow, (2, 5), {"mod": 7}) == 4


def test_apply_async_returns_at_once(shared_pool: Pool, gate: Gate) -> None:
    result = shared_pool.apply_async(gate.wait)

    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    gate.open()
    assert result.get() is None
    assert result.ready()
    assert result.successful()


def test_get_gives_up_after_its_timeout(shared_pool: Pool, gate: Gate) -> None:
    result = shared_pool.apply_async(gate.wait)

    with pytest.raises(multiprocessing.TimeoutError):
        result.get(timeout=0.05)
    result.wait(timeout=0.05)
    assert not result.ready()
    gate.open()
    result.wait()
    assert PoolTimeoutError is multiprocessing.TimeoutError


def test_an_error_arrives_as_exactly_what_was_raised(shared_pool: Pool) -> None:
    result = shared_pool.apply_async(fail, ("broken",))

    with pytest.raises(ValueError, match="broken") as caught:
        result.get()
    assert type(caught.value) is ValueError
    assert "in fail" in str(caught.value.__cause__)
    assert not result.successful()


def test_callbacks_are_done_before_the_result_is_there(shared_pool: Pool) -> None:
    told: list[Any] = []

    shared_pool.apply_async(abs, (-1,), callback=told.append).wait()
    shared_pool.map_async(abs, [-2, -3], callback=told.append).wait()
    shared_pool.apply_async(fail, ("late",), error_callback=told.append).wait()

    assert told[:2] == [1, [2, 3]]
    assert isinstance(told[2], ValueError)
    assert len(told) == 3


@pytest.mark.parametrize("chunksize", [None, 1, 3, 100])
def test_map_returns_results_in_the_order_of_the_input(
    shared_pool: Pool, chunksize: int | None
) -> None:
    assert shared_pool.map(abs, range(-10, 0), chunksize) == list(range(10, 0, -1))
    assert shared_pool.starmap(pow, [(2, 3), (3, 2)], chunksize) == [8, 9]
    assert shared_pool.map_async(abs, iter([-1]), chunksize).get() == [1]
    assert shared_pool.starmap_async(pow, [(2, 2)], chunksize).get() == [4]


def test_map_of_nothing_is_nothing(shared_pool: Pool) -> None:
    result = shared_pool.map_async(abs, [])

    assert result.get(timeout=0) == []
    assert result.successful()


def test_map_calls_functions_that_cannot_be_imported(shared_pool: Pool) -> None:
    step = 10

    assert shared_pool.map(lambda value: value + step, range(3)) == [10, 11, 12]


def test_map_raises_what_was_raised_once_all_chunks_ended(shared_pool: Pool, tally: Tally) -> None:
    with pytest.raises(ValueError, match="two"):
        shared_pool.starmap(reject_two, [(tally, value) for value in range(6)], 1)

    assert tally.count() == 6


def test_imap_yields_results_in_order(shared_pool: Pool) -> None:
    assert list(shared_pool.imap(abs, range(-20, 0))) == list(range(20, 0, -1))
    assert list(shared_pool.imap(abs, range(-20, 0), chunksize=7)) == list(range(20, 0, -1))


def test_imap_unordered_yields_all_results_the_early_ones_first(
    shared_pool: Pool, gate: Gate
) -> None:
    results = shared_pool.imap_unordered(pass_or_negate, [gate, 1, 2, 3])

    assert sorted(results.next(timeout=30) for _ in range(3)) == [-3, -2, -1]
    gate.open()
    assert list(results) == ["passed"]


def test_imap_goes_on_after_an_error(shared_pool: Pool) -> None:
    results = shared_pool.imap(reject_odd, range(3))

    assert next(results) == 0
    with pytest.raises(ValueError, match="odd"):
        next(results)
    assert list(results) == [2]


def test_next_gives_up_after_its_timeout_and_loses_nothing(shared_pool: Pool, gate: Gate) -> None:
    results = shared_pool.imap(pass_or_negate, [gate])

    with pytest.raises(multiprocessing.TimeoutError):
        results.next(timeout=0.05)
    gate.open()
    assert next(results) == "passed"
    with pytest.raises(StopIteration):
        next(results)


def test_imap_takes_its_input_as_processes_have_room(pool: Pool, gate: Gate) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Gate]:
        for number in range(1_000_000):
            taken.append(number)
            yield gate

    results = pool.imap_unordered(pass_or_negate, endless())
    wait_for(lambda: len(taken) > PROCESSES)
    taken_while_closed = len(taken)
    gate.open()

    assert taken_while_closed <= 3 * PROCESSES
    assert [next(results) for _ in range(50)] == ["passed"] * 50


def test_an_input_that_raises_ends_the_results(shared_pool: Pool) -> None:
    def broken() -> Iterator[int]:
        yield -1
        message = "no more"
        raise LookupError(message)

    results = shared_pool.imap(abs, broken())

    assert next(results) == 1
    with pytest.raises(LookupError, match="no more"):
        next(results)
    assert list(results) == []


def test_an_argument_that_cannot_be_pickled_is_the_error_of_the_result(shared_pool: Pool) -> None:
    result = shared_pool.apply_async(print, (threading.Lock(),))

    with pytest.raises(TypeError):
        result.get()
    assert shared_pool.apply(abs, (-1,)) == 1


def test_no_job_waits_behind_a_long_one_while_a_process_is_idle(pool: Pool, gate: Gate) -> None:
    # Many short ones first, so that jobs are sent ahead.
    pool.map(abs, range(5_000), chunksize=1)

    long = pool.apply_async(gate.wait)
    short = [pool.apply_async(abs, (-number,)) for number in range(500)]

    assert [result.get(timeout=30) for result in short] == list(range(500))
    assert not long.ready()
    gate.open()
    assert long.get() is None


def test_each_of_many_short_jobs_is_done_once(pool: Pool, tally: Tally) -> None:
    results = [pool.apply_async(tally.add) for _ in range(2_000)]

    for result in results:
        result.get()
    assert tally.count() == 2_000


def test_the_pool_has_as_many_processes_as_asked_for(shared_pool: Pool) -> None:
    assert 1 <= len(set(shared_pool.map(process_of, range(50), chunksize=1))) <= PROCESSES


def test_the_initializer_is_called_first_in_each_process(tally: Tally) -> None:
    with Pool(PROCESSES, initializer=tally.add) as pool:
        processes = set(pool.map(process_of, range(20), chunksize=1))

        assert len(processes) <= tally.count() <= PROCESSES


def test_a_process_is_replaced_after_its_share() -> None:
    with Pool(1, maxtasksperchild=2) as pool:
        processes = pool.map(process_of, range(6), chunksize=1)

    assert len(set(processes)) == 3
    assert [processes.count(process) for process in set(processes)] == [2, 2, 2]


def test_a_process_that_died_fails_its_call_and_is_replaced(pool: Pool) -> None:
    with pytest.raises(ActorDiedError):
        pool.apply(os._exit, (3,))

    assert pool.map(abs, range(4)) == [0, 1, 2, 3]


def test_a_closed_pool_does_what_it_was_given_and_takes_nothing_more(pool: Pool) -> None:
    result = pool.map_async(abs, range(100))
    late = pool.imap(abs, range(20))
    pool.close()

    with pytest.raises(ValueError, match="not running"):
        pool.apply_async(abs, (1,))
    pool.join()
    assert result.ready()
    assert list(late) == list(range(20))


def test_join_ends_the_processes(pool: Pool) -> None:
    processes = set(pool.map(process_of, range(20), chunksize=1))

    pool.close()
    pool.join()

    wait_for(lambda: all(process_is_gone(process) for process in processes))


def test_only_a_closed_pool_can_be_joined(pool: Pool) -> None:
    with pytest.raises(ValueError, match="close"):
        pool.join()


def test_terminate_ends_what_runs_and_fails_it(gate: Gate) -> None:
    pool = Pool(1)
    running, waiting = pool.apply_async(gate.wait), pool.apply_async(abs, (1,))
    results = pool.imap(abs, range(10))

    pool.terminate()
    pool.join()

    for result in (running, waiting):
        with pytest.raises(RuntimeError, match="terminated"):
            result.get()
    with pytest.raises(RuntimeError, match="terminated"):
        list(results)


def test_the_end_of_a_with_block_terminates(gate: Gate) -> None:
    with Pool(1) as pool:
        result = pool.apply_async(gate.wait)

    with pytest.raises(RuntimeError, match="terminated"):
        result.get()
    with pytest.raises(ValueError, match="not running"), pool:
        pass


def test_a_pool_has_one_process_for_each_cpu_unless_told(gate: Gate, tally: Tally) -> None:
    with Pool() as pool:
        result = pool.starmap_async(count_and_wait, [(tally, gate)] * (CPUS + 1), chunksize=1)
        wait_for(lambda: tally.count() == CPUS)
        gate.open()

        assert len(set(result.get())) == CPUS


def test_a_pool_larger_than_the_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{CPUS + 1} processes"):
        Pool(CPUS + 1)


@pytest.mark.parametrize(
    "options", [{"processes": 0}, {"maxtasksperchild": 0}], ids=["processes", "maxtasksperchild"]
)
def test_amounts_are_positive(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Pool(**options)  # type: ignore[arg-type]


def test_chunks_have_an_item_at_least(shared_pool: Pool) -> None:
    with pytest.raises(ValueError, match="chunksize"):
        shared_pool.map(abs, [1], chunksize=0)
    with pytest.raises(ValueError, match="chunksize"):
        shared_pool.imap(abs, [1], chunksize=0)


def test_an_initializer_must_be_a_function() -> None:
    with pytest.raises(TypeError, match="initializer"):
        Pool(1, initializer=1)  # type: ignore[arg-type]


def test_a_context_is_taken_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="context"), Pool(1, context="fork") as pool:
        assert pool.apply(abs, (-1,)) == 1


def test_a_pool_cannot_be_sent(shared_pool: Pool) -> None:
    with pytest.raises(NotImplementedError, match="another process"):
        pickle.dumps(shared_pool)


def test_processes_take_options_of_actors() -> None:
    with Pool(1, ray_remote_args={"resources": {"widget": 2}, "num_cpus": 1}) as pool:
        assert pool.apply(held_resources) == {"CPU": 1.0, "widget": 2.0}


def test_a_pool_begins_a_session_of_its_size(drive: Any) -> None:
    ended = drive(
        """
        import aktis
        from aktis.util.multiprocessing import Pool

        with Pool(3) as pool:
            print(pool.map(abs, [-1, -2]), aktis.cluster_resources()["CPU"])
        """
    )

    assert ended.lines == ["[1, 2] 3.0"], ended.printed


def test_tasks_that_wait_for_a_pool_of_their_own_lend_their_cpus() -> None:
    @aktis.remote
    def add_up(count: int) -> int:
        with Pool(1) as inner:
            total: int = sum(inner.map(abs, range(count))) + sum(inner.imap(abs, range(count)))
            return total

    # As many as the cluster has CPUs, so that no pool could start a process otherwise.
    assert aktis.get([add_up.remote(5) for _ in range(CPUS)]) == [20] * CPUS


def test_results_of_a_session_that_ended_fail(drive: Any) -> None:
    ended = drive(
        """
        import time, aktis
        from aktis.util.multiprocessing import Pool

        aktis.init(num_cpus=1)
        pool = Pool(1)
        results = [pool.apply_async(time.sleep, (60,)) for _ in range(2)]
        aktis.shutdown()
        for result in results:
            try:
                result.get()
            except RuntimeError as error:
                print(error)
        """
    )

    assert [line.split(" ended")[0] for line in ended.lines] == ["the session"] * 2, ended.printed


def fail(text: str) -> None:
    raise ValueError(text)


def reject_two(tally: Tally, value: int) -> int:
    tally.add()
    if value == 2:
        fail("two")
    return value


def reject_odd(value: int) -> int:
    if value % 2:
        fail("odd")
    return value


def pass_or_negate(value: Any) -> Any:
    if isinstance(value, Gate):
        value.wait()
        return "passed"
    return -value


def count_and_wait(tally: Tally, gate: Gate) -> int:
    tally.add()
    gate.wait()
    return os.getpid()


def process_of(_item: int) -> int:
    return os.getpid()


def held_resources() -> dict[str, float]:
    return aktis.get_runtime_context().get_assigned_resources()
