"""What follows when the process of a task ends under it.

Owns tasks and their retries. Actors are in `test_actor_crashes`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.exceptions import AktisError, OwnerDiedError, WorkerCrashedError
from tests.conformance.waiting import Gate, Tally, process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_task_whose_worker_is_killed_is_retried(tally: Tally) -> None:
    assert aktis.get(kill_self_until.remote(tally, 2), timeout=30) == 2


def test_a_task_is_retried_three_times_by_default(tally: Tally) -> None:
    with pytest.raises(WorkerCrashedError):
        aktis.get(kill_self_until.remote(tally, 9), timeout=40)
    assert tally.count() == 4


def test_a_task_may_be_retried_without_end(tally: Tally) -> None:
    patient = kill_self_until.options(max_retries=-1)

    assert aktis.get(patient.remote(tally, 7), timeout=40) == 7


def test_a_task_without_retries_fails_and_says_which_signal_it_was(tally: Tally) -> None:
    with pytest.raises(WorkerCrashedError) as caught:
        aktis.get(kill_self_until.options(max_retries=0).remote(tally, 2), timeout=30)
    assert "SIGKILL" in str(caught.value)
    assert "kill_self_until" in str(caught.value)
    assert tally.count() == 1


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS], ids=lambda number: number.name
)
def test_the_signal_of_a_crash_is_named(number: signal.Signals) -> None:
    @aktis.remote(max_retries=0)
    def crash() -> None:
        os.kill(os.getpid(), number)

    with pytest.raises(WorkerCrashedError, match=number.name):
        aktis.get(crash.remote(), timeout=30)


def test_the_exit_code_of_a_worker_is_named() -> None:
    @aktis.remote(max_retries=0)
    def leave() -> None:
        os._exit(3)

    with pytest.raises(WorkerCrashedError, match=r"\b3\b"):
        aktis.get(leave.remote(), timeout=30)


def test_the_last_lines_of_a_crashed_worker_are_told() -> None:
    @aktis.remote(max_retries=0)
    def leave() -> None:
        print("famous last words", flush=True)  # noqa: T201
        os._exit(1)

    with pytest.raises(WorkerCrashedError, match="famous last words"):
        aktis.get(leave.remote(), timeout=30)


def test_a_worker_killed_from_outside_loses_its_task_only(started: Gate, tmp_path: Path) -> None:
    victim = tell_and_wait.options(max_retries=0).remote(tmp_path / "victim", Gate(tmp_path / "no"))
    others = [tell_and_wait.remote(tmp_path / f"other{index}", started) for index in range(2)]
    wait_for((tmp_path / "victim").exists)
    wait_for(lambda: all((tmp_path / f"other{index}").exists() for index in range(2)))

    os.kill(int((tmp_path / "victim").read_text()), signal.SIGKILL)

    with pytest.raises(WorkerCrashedError):
        aktis.get(victim, timeout=30)
    started.open()
    assert aktis.get(others, timeout=30) == [True, True]


def test_the_resources_of_a_killed_worker_come_back(tally: Tally) -> None:
    greedy = kill_self_until.options(max_retries=0, num_cpus=4)

    for _ in range(3):
        with pytest.raises(WorkerCrashedError):
            aktis.get(greedy.remote(tally, -1), timeout=30)

    wait_for(lambda: aktis.available_resources().get("CPU") == 4)
    assert aktis.get(echo.options(num_cpus=4).remote(1), timeout=30) == 1


def test_tasks_queued_behind_a_killed_worker_run_elsewhere(tally: Tally) -> None:
    crashing = kill_self_until.options(max_retries=0).remote(tally, -1)
    refs = [echo.remote(index) for index in range(200)]

    assert aktis.get(refs, timeout=30) == list(range(200))
    with pytest.raises(AktisError):
        aktis.get(crashing, timeout=30)


def test_a_task_that_needs_a_crashed_one_fails_with_the_same_cause(tally: Tally) -> None:
    crashed = kill_self_until.options(max_retries=0).remote(tally, 2)

    with pytest.raises(WorkerCrashedError, match="SIGKILL"):
        aktis.get(echo.remote(crashed), timeout=30)


def test_a_stream_whose_worker_is_killed_begins_again_and_shows_each_item_once(
    tally: Tally,
) -> None:
    @aktis.remote
    def count() -> Iterator[int]:
        attempt = tally.add()
        for index in range(6):
            if attempt == 1 and index == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            yield index

    assert [aktis.get(ref, timeout=30) for ref in count.remote()] == list(range(6))
    assert tally.count() == 2


def test_a_stream_without_retries_ends_with_the_error() -> None:
    @aktis.remote(max_retries=0)
    def count() -> Iterator[int]:
        yield 0
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerCrashedError):
        aktis.get(list(count.remote()), timeout=30)


def test_what_a_killed_worker_put_is_lost_to_its_borrowers() -> None:
    holder = Holder.remote()
    (ref,) = aktis.get(holder.make.remote(), timeout=30)
    process_id = aktis.get(holder.process_id.remote())

    os.kill(process_id, signal.SIGKILL)
    wait_for(lambda: process_is_gone(process_id))

    wait_for(lambda: is_lost_with_its_owner(ref))


def test_children_of_a_killed_task_end_with_it(tmp_path: Path) -> None:
    @aktis.remote(max_retries=0)
    def parent() -> None:
        child = tell_and_wait.remote(tmp_path / "child", Gate(tmp_path / "never"))
        wait_for((tmp_path / "child").exists)
        del child
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerCrashedError):
        aktis.get(parent.remote(), timeout=30)

    wait_for(lambda: process_is_gone(int((tmp_path / "child").read_text())), timeout_s=10)
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_a_large_result_survives_the_worker_that_made_it() -> None:
    @aktis.remote(max_calls=1)
    def make() -> Any:
        return np.arange(1_000_000)

    ref = make.remote()

    assert int(aktis.get(ref, timeout=30).sum()) == 499_999_500_000


def test_many_crashes_at_once_are_all_retried(tmp_path: Path) -> None:
    tallies = [Tally(tmp_path / f"tally{index}") for index in range(12)]

    results = aktis.get([kill_self_until.remote(each, 2) for each in tallies], timeout=50)

    assert results == [2] * 12


def is_lost_with_its_owner(ref: aktis.ObjectRef[Any]) -> bool:
    """Whether the object is known to be lost because its owner died."""
    try:
        aktis.get(ref, timeout=30)
    except OwnerDiedError:
        return True
    return False


@aktis.remote
def echo(value: Any) -> Any:
    return value


@aktis.remote
def kill_self_until(tally: Tally, success: int) -> int:
    attempt = tally.add()
    if attempt != success:
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt


@aktis.remote
def tell_and_wait(path: Path, gate: Gate) -> bool:
    temporary = path.with_suffix(".part")
    temporary.write_text(str(os.getpid()))
    temporary.rename(path)
    gate.wait()
    return True


@aktis.remote
class Holder:
    def make(self) -> list[aktis.ObjectRef[Any]]:
        self.ref = aktis.put(np.ones(500_000))
        return [self.ref]

    def process_id(self) -> int:
        return os.getpid()
