"""How an actor ends: without handles, by a failed constructor, by a kill, or by itself.

Owns ends that are asked for. Crashes and restarts are in `tests/faults`, what an actor is until
then in `test_actors`.
"""

from __future__ import annotations

import gc
from typing import Any

import pytest

import aktis
from aktis.actor import exit_actor
from aktis.exceptions import ActorDiedError, ActorError
from tests.conformance.counters import Counter, Recorder, pass_gate
from tests.conformance.waiting import Gate, Tally, process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_an_actor_ends_when_the_last_handle_is_gone() -> None:
    counter = Counter.remote()
    process_id = aktis.get(counter.process_id.remote())
    del counter
    gc.collect()

    wait_for(lambda: process_is_gone(process_id), story="the actor's process ended")


def test_an_actor_without_handles_finishes_the_calls_it_was_given(gate: Gate) -> None:
    counter = Counter.remote()
    refs = [counter.add.remote(pass_gate.remote(gate, 1)), counter.add.remote(1)]
    del counter
    gc.collect()
    gate.open()

    assert aktis.get(refs) == [1, 2]


def test_a_handle_inside_an_object_keeps_the_actor() -> None:
    counter = Counter.remote()
    aktis.get(counter.add.remote(1))
    box = aktis.put([counter])
    del counter
    gc.collect()

    assert aktis.get(aktis.get(box)[0].add.remote(1)) == 2


def test_a_handle_held_by_another_actor_keeps_the_actor() -> None:
    recorder = Recorder.remote()
    counter = Counter.remote()
    process_id = aktis.get(counter.process_id.remote())
    aktis.get(recorder.record.remote(counter))
    del counter
    gc.collect()

    assert aktis.get(add_through.remote(recorder)) == 1
    assert not process_is_gone(process_id)


def test_an_error_in_the_constructor_ends_the_actor_and_is_told_to_every_caller() -> None:
    @aktis.remote
    class Broken:
        def __init__(self) -> None:
            raise ValueError("bad start")

        def method(self) -> None: ...

    broken = Broken.remote()

    for _ in range(2):
        with pytest.raises(ActorDiedError, match="bad start") as caught:
            aktis.get(broken.method.remote())
        assert caught.value.actor_init_failed
        assert isinstance(caught.value, ActorError)


def test_a_failed_argument_of_the_constructor_ends_the_actor() -> None:
    @aktis.remote
    def fail() -> None:
        raise KeyError("no start")

    with pytest.raises(ActorDiedError, match="no start"):
        aktis.get(Counter.remote(fail.remote()).add.remote(1))


def test_a_killed_actor_fails_its_calls_and_its_process_is_gone(gate: Gate) -> None:
    recorder = Recorder.remote()
    process_id = aktis.get(recorder.process_id.remote())
    running = recorder.wait.remote(gate)
    queued = recorder.record.remote(1)

    aktis.kill(recorder)

    for ref in (running, queued, recorder.read.remote()):
        with pytest.raises(ActorDiedError):
            aktis.get(ref, timeout=30)
    wait_for(lambda: process_is_gone(process_id))


def test_the_error_of_a_dead_actor_names_it() -> None:
    counter = Counter.remote()
    aktis.get(counter.add.remote(1))
    aktis.kill(counter)

    with pytest.raises(ActorDiedError) as caught:
        aktis.get(counter.add.remote(1))
    assert caught.value.actor_id == counter._actor_id.hex()
    assert not caught.value.actor_init_failed
    assert not caught.value.preempted
    assert "Counter" in str(caught.value)


def test_a_killed_actor_runs_no_exit_handlers(tally: Tally) -> None:
    counter = Recorder.remote()
    aktis.get(counter.at_exit.remote(tally))
    process_id = aktis.get(counter.process_id.remote())

    aktis.kill(counter)

    wait_for(lambda: process_is_gone(process_id))
    assert tally.count() == 0


def test_an_actor_may_be_killed_twice_and_before_it_started() -> None:
    counter = Counter.remote()

    aktis.kill(counter)
    aktis.kill(counter)

    with pytest.raises(ActorDiedError):
        aktis.get(counter.add.remote(1))


def test_an_actor_may_be_killed_from_a_task() -> None:
    @aktis.remote
    def kill(target: Any) -> None:
        aktis.kill(target)

    counter = Counter.remote()
    aktis.get(kill.remote(counter))

    with pytest.raises(ActorDiedError):
        aktis.get(counter.add.remote(1), timeout=30)


@pytest.mark.parametrize("wrong", [1, "name", None], ids=repr)
def test_only_actors_can_be_killed(wrong: Any) -> None:
    with pytest.raises(ValueError):
        aktis.kill(wrong)


def test_a_kill_that_allows_restart_uses_up_a_restart() -> None:
    counter = Counter.options(max_restarts=1, max_task_retries=-1).remote()
    first = aktis.get(counter.process_id.remote())

    aktis.kill(counter, no_restart=False)
    wait_for(lambda: process_is_gone(first))

    second = aktis.get(counter.process_id.remote(), timeout=30)
    assert second != first
    assert aktis.get(counter.add.remote(1)) == 1
    aktis.kill(counter, no_restart=False)
    wait_for(lambda: process_is_gone(second))
    with pytest.raises(ActorDiedError):
        aktis.get(counter.add.remote(1), timeout=30)


def test_exit_actor_ends_the_actor_after_its_exit_handlers(tally: Tally) -> None:
    recorder = Recorder.options(max_restarts=3).remote()
    aktis.get(recorder.at_exit.remote(tally))

    leaving = recorder.leave.remote()
    queued = recorder.read.remote()

    for ref in (leaving, queued, recorder.read.remote()):
        with pytest.raises(ActorDiedError):
            aktis.get(ref, timeout=30)
    wait_for(lambda: tally.count() == 1)


def test_exit_actor_outside_an_actor_is_a_type_error() -> None:
    @aktis.remote
    def leave() -> None:
        exit_actor()

    with pytest.raises(TypeError):
        exit_actor()
    with pytest.raises(TypeError):
        aktis.get(leave.remote())


def test_an_actor_that_calls_sys_exit_ends_without_restart() -> None:
    recorder = Recorder.options(max_restarts=3).remote()

    with pytest.raises(ActorDiedError):
        aktis.get(recorder.system_exit.remote(), timeout=30)
    with pytest.raises(ActorDiedError):
        aktis.get(recorder.read.remote(), timeout=30)


@aktis.remote
def add_through(recorder: Any) -> Any:
    return aktis.get(aktis.get(recorder.read.remote())[0].add.remote(1))
