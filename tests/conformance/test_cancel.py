"""What `cancel` does to tasks and calls that wait, that run, and that are over.

Owns cancellation. Time limits are in `test_task_options`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.exceptions import TaskCancelledError
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_task_that_waits_for_its_argument_never_runs(gate: Gate, tally: Tally) -> None:
    blocking = pass_gate.remote(gate)
    ref = count.remote(tally, blocking)

    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.open()
    aktis.get(blocking)
    assert tally.count() == 0


def test_a_task_that_waits_for_a_cpu_never_runs(gate: Gate, started: Gate, tally: Tally) -> None:
    occupying = occupy.remote(started, gate)
    started.wait()
    ref = count.remote(tally, None)

    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.open()
    aktis.get(occupying)
    assert aktis.get(count.remote(tally, None)) == 1


def test_a_running_task_is_interrupted_by_a_keyboard_interrupt(started: Gate, gate: Gate) -> None:
    ref = run_until_interrupted.remote(started, gate)
    started.wait()

    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.wait()


def test_the_worker_of_an_interrupted_task_works_on(started: Gate, gate: Gate) -> None:
    ref = run_until_interrupted.remote(started, gate)
    started.wait()
    aktis.cancel(ref)
    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)

    assert aktis.get([echo.remote(value) for value in range(8)]) == list(range(8))


def test_force_kills_the_worker_of_a_running_task(started: Gate) -> None:
    ref = ignore_interrupts.remote(started)
    started.wait()

    aktis.cancel(ref, force=True)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    assert aktis.get(echo.remote(1)) == 1


def test_a_cancelled_task_is_not_retried(started: Gate, tally: Tally) -> None:
    @aktis.remote(max_retries=-1, retry_exceptions=True)
    def run() -> None:
        tally.add()
        started.open()
        while True:
            threading.Event().wait(0.005)

    ref = run.remote()
    started.wait()
    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    assert aktis.get(echo.remote(1)) == 1
    assert tally.count() == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_finished_task_keeps_its_result(force: bool) -> None:  # noqa: FBT001
    ref = echo.remote("done")
    aktis.get(ref)

    aktis.cancel(ref, force=force)

    assert aktis.get(ref) == "done"


def test_a_task_may_be_cancelled_twice(gate: Gate, tally: Tally) -> None:
    ref = count.remote(tally, pass_gate.remote(gate))

    aktis.cancel(ref)
    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.open()


def test_children_are_cancelled_with_their_parent(started: Gate, gate: Gate) -> None:
    parent = start_child.remote(started, gate)
    started.wait()

    aktis.cancel(parent)

    gate.wait()
    with pytest.raises(TaskCancelledError):
        aktis.get(parent, timeout=30)


def test_children_may_be_left_alone(started: Gate, gate: Gate, tally: Tally) -> None:
    @aktis.remote
    def child() -> None:
        started.open()
        gate.wait()
        tally.add()

    @aktis.remote
    def parent() -> None:
        aktis.get(child.remote())

    ref = parent.remote()
    started.wait()
    aktis.cancel(ref, recursive=False)
    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.open()

    wait_for(lambda: tally.count() == 1)


def test_a_task_that_needs_a_cancelled_one_fails_the_same_way(gate: Gate, tally: Tally) -> None:
    first = count.remote(tally, pass_gate.remote(gate))
    second = count.remote(tally, first)

    aktis.cancel(first)

    with pytest.raises(TaskCancelledError):
        aktis.get(second, timeout=30)
    gate.open()
    assert tally.count() == 0


def test_a_stream_may_be_cancelled(started: Gate) -> None:
    @aktis.remote
    def endless() -> Iterator[int]:
        yield 0
        started.open()
        while True:
            threading.Event().wait(0.005)

    stream = endless.remote()
    assert aktis.get(next(stream)) == 0
    started.wait()
    aktis.cancel(stream)

    with pytest.raises(TaskCancelledError):
        aktis.get(list(stream), timeout=30)


def test_a_borrower_may_cancel(started: Gate, gate: Gate) -> None:
    @aktis.remote
    def cancel(box: list[aktis.ObjectRef[Any]]) -> None:
        aktis.cancel(box[0])

    ref = run_until_interrupted.remote(started, gate)
    started.wait()
    aktis.get(cancel.remote([ref]))

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)


def test_only_refs_of_tasks_can_be_cancelled() -> None:
    with pytest.raises(TypeError):
        aktis.cancel("text")  # type: ignore[arg-type]


def test_a_queued_call_of_an_actor_never_runs(gate: Gate, tally: Tally) -> None:
    actor = Actor.remote()
    running = actor.wait.remote(gate)
    queued = actor.count.remote(tally)

    aktis.cancel(queued)

    gate.open()
    aktis.get(running)
    with pytest.raises(TaskCancelledError):
        aktis.get(queued, timeout=30)
    assert aktis.get(actor.count.remote(tally)) == 1


def test_a_running_call_of_a_sync_actor_is_only_told(started: Gate) -> None:
    actor = Actor.remote()
    ref = actor.wait_until_told.remote(started)
    started.wait()

    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    assert aktis.get(actor.told.remote()) is True


def test_a_running_call_of_an_async_actor_is_cancelled_as_an_asyncio_task(
    started: Gate, gate: Gate
) -> None:
    @aktis.remote
    class Async:
        async def wait(self) -> None:
            started.open()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                gate.open()
                raise

        async def ping(self) -> bool:
            return True

    actor = Async.remote()
    ref = actor.wait.remote()
    started.wait()
    aktis.cancel(ref)

    with pytest.raises(TaskCancelledError):
        aktis.get(ref, timeout=30)
    gate.wait()
    assert aktis.get(actor.ping.remote()) is True


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_cancelled_generator_of_an_actor_ends_at_its_next_item(kind: str, gate: Gate) -> None:
    class Sync:
        def count(self) -> Iterator[int]:
            try:
                while True:
                    yield threading.active_count()
            finally:
                gate.open()

        def ping(self) -> bool:
            return True

    class Async(Sync):
        async def only_to_be_async(self) -> None: ...

    actor: Any = aktis.remote(Sync if kind == "sync" else Async).remote()
    stream = actor.count.remote()
    aktis.get(next(stream))

    aktis.cancel(stream)

    gate.wait()
    with pytest.raises(TaskCancelledError):
        aktis.get(list(stream))
    assert aktis.get(actor.ping.remote()) is True


def test_a_call_of_an_actor_cannot_be_cancelled_by_force(gate: Gate) -> None:
    ref = Actor.remote().wait.remote(gate)

    with pytest.raises(ValueError):
        aktis.cancel(ref, force=True)
    gate.open()
    aktis.get(ref)


def test_a_task_can_ask_whether_it_is_cancelled() -> None:
    @aktis.remote
    def ask() -> bool:
        return aktis.get_runtime_context().is_canceled()

    assert aktis.get(ask.remote()) is False


@aktis.remote
def echo(value: Any) -> Any:
    return value


@aktis.remote
def count(tally: Tally, _: object) -> int:
    return tally.add()


@aktis.remote
def pass_gate(gate: Gate) -> None:
    gate.wait()


@aktis.remote(num_cpus=4)
def occupy(started: Gate, gate: Gate) -> None:
    started.open()
    gate.wait()


@aktis.remote
def run_until_interrupted(started: Gate, interrupted: Gate) -> None:
    try:
        started.open()
        while True:
            threading.Event().wait(0.005)
    except KeyboardInterrupt:
        interrupted.open()
        raise


@aktis.remote
def start_child(started: Gate, interrupted: Gate) -> None:
    aktis.get(run_until_interrupted.remote(started, interrupted))


@aktis.remote
def ignore_interrupts(started: Gate) -> None:
    started.open()
    while True:
        try:
            threading.Event().wait(0.005)
        except KeyboardInterrupt:
            continue


@aktis.remote
class Actor:
    def __init__(self) -> None:
        self.was_told = False

    def wait(self, gate: Gate) -> None:
        gate.wait()

    def count(self, tally: Tally) -> int:
        return tally.add()

    def wait_until_told(self, started: Gate) -> None:
        started.open()
        wait_for(aktis.get_runtime_context().is_canceled)
        self.was_told = True

    def told(self) -> bool:
        return self.was_told
