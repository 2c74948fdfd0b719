"""What each option of an actor class and of a method means.

Owns options, limits of pending calls, retries of methods and threads. Names and lifetimes are in
`test_named_actors`, restarts in `tests/faults`.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import aktis
from aktis.exceptions import ActorUnschedulableError, PendingCallsLimitExceeded
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_options_change_one_actor_and_not_the_class() -> None:
    Worker.options(num_cpus=2).remote()

    assert aktis.get(Worker.remote().assigned.remote()).get("CPU", 0) == 0


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("colour", "blue", ValueError),
        ("num_cpus", -1, ValueError),
        ("num_gpus", 1.5, ValueError),
        ("resources", {"CPU": 1}, ValueError),
        ("memory", -5, ValueError),
        ("max_restarts", -2, ValueError),
        ("max_restarts", "one", TypeError),
        ("max_task_retries", -2, ValueError),
        ("max_task_retries", "one", TypeError),
        ("max_concurrency", -1, ValueError),
        ("max_concurrency", "one", TypeError),
        ("max_pending_calls", -2, ValueError),
        ("lifetime", "eternal", ValueError),
        ("namespace", 3, TypeError),
        ("max_retries", 3, ValueError),
        ("num_returns", 2, ValueError),
        ("concurrency_groups", {"io": 1}, ValueError),
        ("label_selector", {"zone": "in(north"}, ValueError),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_before_the_actor_is_made(
    option: str, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Worker.options(**{option: value}).remote()


def test_retries_of_calls_need_no_restarts() -> None:
    worker = Worker.options(max_task_retries=1, max_restarts=0).remote()

    assert aktis.get(worker.ping.remote()) is True


def test_an_actor_holds_no_cpu_by_default() -> None:
    workers = [Worker.remote() for _ in range(6)]

    assert [aktis.get(worker.assigned.remote()) for worker in workers] == [{}] * 6
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_an_actor_holds_the_cpus_it_asked_for_as_long_as_it_lives() -> None:
    worker = Worker.options(num_cpus=3).remote()

    assert aktis.get(worker.assigned.remote()) == {"CPU": 3}
    wait_for(lambda: aktis.available_resources().get("CPU") == 1)
    aktis.kill(worker)
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_an_actor_that_asks_for_another_resource_holds_one_cpu_too() -> None:
    worker = Worker.options(resources={"widget": 2}).remote()

    assert aktis.get(worker.assigned.remote()) == {"CPU": 1, "widget": 2}


def test_an_actor_that_asks_for_memory_only_holds_no_cpu() -> None:
    worker = Worker.options(memory=50 * 1024**2).remote()

    assert aktis.get(worker.assigned.remote()) == {"memory": 50 * 1024**2}


def test_an_actor_waits_until_its_resources_are_free() -> None:
    first = Worker.options(resources={"widget": 3}, num_cpus=0).remote()
    aktis.get(first.ping.remote())
    second = Worker.options(resources={"widget": 3}, num_cpus=0).remote()
    waiting = second.ping.remote()

    assert aktis.wait([waiting], timeout=0.3) == ([], [waiting])
    aktis.kill(first)
    assert aktis.get(waiting, timeout=30) is True


def test_an_actor_no_node_can_ever_hold_is_an_error_within_two_seconds() -> None:
    worker = Worker.options(num_cpus=64).remote()

    with pytest.raises(ActorUnschedulableError) as caught:
        aktis.get(worker.ping.remote(), timeout=2)
    for word in ("CPU", "64", "4"):
        assert word in str(caught.value)


def test_the_limit_of_pending_calls_raises_at_the_call(gate: Gate) -> None:
    worker = Worker.options(max_pending_calls=2).remote()
    running = worker.wait.remote(gate)
    queued = worker.ping.remote()

    with pytest.raises(PendingCallsLimitExceeded):
        worker.ping.remote()
    gate.open()
    aktis.get([running, queued])
    assert aktis.get(worker.ping.remote()) is True


def test_the_limit_of_pending_calls_is_for_each_caller(gate: Gate) -> None:
    @aktis.remote
    def ping(worker: Any) -> Any:
        return aktis.get(worker.ping.remote())

    worker = Worker.options(max_pending_calls=1, max_concurrency=2).remote()
    running = worker.wait.remote(gate)

    assert aktis.get(ping.remote(worker)) is True
    gate.open()
    aktis.get(running)


def test_max_concurrency_runs_calls_of_a_sync_actor_in_threads(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(3)]
    worker = Worker.options(max_concurrency=3).remote()

    assert aktis.get([worker.meet.remote(gate, gates) for gate in gates]) == [True] * 3


def test_max_concurrency_is_a_limit(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(3)]
    worker = Worker.options(max_concurrency=2).remote()
    refs = [worker.open_and_wait.remote(gate, Gate(tmp_path / "end")) for gate in gates]

    wait_for(lambda: sum(gate.is_open() for gate in gates) == 2)
    assert aktis.wait(refs, timeout=0.2) == ([], refs)
    assert sum(gate.is_open() for gate in gates) == 2
    Gate(tmp_path / "end").open()
    aktis.get(refs)
    assert all(gate.is_open() for gate in gates)


def test_a_call_whose_argument_is_late_is_overtaken_in_a_threaded_actor(gate: Gate) -> None:
    worker = Worker.options(max_concurrency=2).remote()
    late = worker.echo.remote(pass_gate.remote(gate, "late"))

    assert aktis.get(worker.echo.remote("early")) == "early"
    gate.open()
    assert aktis.get(late) == "late"


@pytest.mark.parametrize("concurrency", [1, 4])
def test_calls_out_of_order_may_be_asked_for(concurrency: int, gate: Gate) -> None:
    worker = Worker.options(allow_out_of_order_execution=True, max_concurrency=concurrency).remote()
    late = worker.echo.remote(pass_gate.remote(gate, "late"))

    assert aktis.get(worker.echo.remote("early"), timeout=30) == "early"
    gate.open()
    assert aktis.get(late) == "late"


def test_calls_in_order_cannot_be_asked_of_an_async_or_threaded_actor() -> None:
    @aktis.remote
    class Async:
        async def ping(self) -> bool:
            return True

    with pytest.raises(ValueError):
        Async.options(allow_out_of_order_execution=False).remote()
    with pytest.raises(ValueError):
        Worker.options(allow_out_of_order_execution=False, max_concurrency=2).remote()


def test_a_method_is_not_retried_after_an_exception_by_default(tally: Tally) -> None:
    worker = Worker.remote()

    with pytest.raises(RuntimeError, match="attempt 1"):
        aktis.get(worker.fail_until.remote(tally, 2))
    assert tally.count() == 1


def test_a_method_may_be_retried_after_exceptions(tally: Tally) -> None:
    worker = Worker.options(max_restarts=1).remote()
    patient = worker.fail_until.options(max_task_retries=4, retry_exceptions=True)

    assert aktis.get(patient.remote(tally, 4)) == 4


def test_a_method_may_be_retried_after_some_exceptions_only(tally: Tally) -> None:
    worker = Worker.options(max_restarts=1).remote()

    listed = worker.fail_until.options(max_task_retries=4, retry_exceptions=[RuntimeError])
    assert aktis.get(listed.remote(tally, 2)) == 2
    unlisted = worker.fail_until.options(max_task_retries=4, retry_exceptions=[KeyError])
    with pytest.raises(RuntimeError, match="attempt 3"):
        aktis.get(unlisted.remote(tally, 9))


def test_retries_of_a_method_end_with_max_task_retries(tally: Tally) -> None:
    worker = Worker.options(max_restarts=1).remote()
    patient = worker.fail_until.options(max_task_retries=2, retry_exceptions=True)

    with pytest.raises(RuntimeError, match="attempt 3"):
        aktis.get(patient.remote(tally, 9))
    assert tally.count() == 3


@pytest.mark.parametrize(
    ("in_class", "in_options", "in_call", "attempts"),
    [(1, None, None, 2), (1, 2, None, 3), (1, 2, 3, 4), (1, 2, 0, 1)],
)
def test_the_nearest_number_of_retries_counts(
    tally: Tally, *, in_class: int, in_options: int | None, in_call: int | None, attempts: int
) -> None:
    @aktis.remote(max_task_retries=in_class, max_restarts=1)
    class Failing:
        @aktis.method(retry_exceptions=True)
        def fail(self) -> None:
            tally.add()
            raise RuntimeError

    maker = Failing if in_options is None else Failing.options(max_task_retries=in_options)
    failing = maker.remote()
    method = failing.fail if in_call is None else failing.fail.options(max_task_retries=in_call)

    with pytest.raises(RuntimeError):
        aktis.get(method.remote())
    assert tally.count() == attempts


def test_retries_in_the_method_decorator_come_before_those_of_the_actor(tally: Tally) -> None:
    @aktis.remote
    class Failing:
        @aktis.method(max_task_retries=2, retry_exceptions=True)
        def fail(self) -> None:
            tally.add()
            raise RuntimeError

    failing = Failing.options(max_task_retries=5, max_restarts=1).remote()

    with pytest.raises(RuntimeError):
        aktis.get(failing.fail.remote())
    assert tally.count() == 3


def test_a_call_may_have_a_name() -> None:
    worker = Worker.remote()

    assert aktis.get(worker.call_name.options(name="special").remote()) == "special"
    assert aktis.get(worker.call_name.remote()) == "Worker.call_name"


def test_an_actor_may_have_variables_in_its_environment() -> None:
    worker = Worker.options(runtime_env={"env_vars": {"COLOUR": "blue"}}).remote()

    assert aktis.get(worker.variable.remote("COLOUR")) == "blue"


def test_the_injected_methods_are_there() -> None:
    worker = Worker.remote()

    assert aktis.get(worker.__aktis_ready__.remote()) is True
    named = worker.__aktis_call__.remote(lambda self, extra: (type(self).__name__, extra), 5)
    assert aktis.get(named) == ("Worker", 5)


def test_the_injected_end_waits_for_the_calls_before_it(gate: Gate) -> None:
    worker = Worker.remote()
    refs = [worker.wait.remote(gate), worker.ping.remote()]
    worker.__aktis_terminate__.remote()
    gate.open()

    assert aktis.get(refs) == [True, True]
    with pytest.raises(aktis.exceptions.ActorDiedError):
        aktis.get(worker.ping.remote(), timeout=30)


def test_a_sync_actor_runs_in_the_main_thread() -> None:
    assert aktis.get(Worker.remote().in_main_thread.remote()) is True


@aktis.remote
class Worker:
    def ping(self) -> bool:
        return True

    def echo(self, value: Any) -> Any:
        return value

    def wait(self, gate: Gate) -> bool:
        gate.wait()
        return True

    def meet(self, own: Gate, others: list[Gate]) -> bool:
        own.open()
        for other in others:
            other.wait()
        return True

    def open_and_wait(self, own: Gate, end: Gate) -> None:
        own.open()
        end.wait()

    def assigned(self) -> dict[str, float]:
        return aktis.get_runtime_context().get_assigned_resources()

    def call_name(self) -> str | None:
        return aktis.get_runtime_context().get_task_name()

    def variable(self, name: str) -> str | None:
        import os

        return os.environ.get(name)

    def in_main_thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    def fail_until(self, tally: Tally, success: int) -> int:
        attempt = tally.add()
        if attempt != success:
            raise RuntimeError(f"attempt {attempt}")
        return attempt


@aktis.remote
def pass_gate(gate: Gate, value: Any) -> Any:
    gate.wait()
    return value
