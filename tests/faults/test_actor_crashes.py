"""What follows when the process of an actor ends under it: restarts, retries and the told cause.

Owns actors. Tasks are in `test_worker_crashes`.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

import aktis
from aktis.exceptions import ActorDiedError, ActorError, OwnerDiedError
from tests.conformance.waiting import Gate, Tally, process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_an_actor_without_restarts_is_dead_after_a_crash_and_says_why() -> None:
    actor = Fragile.remote()
    kill_process(actor)

    for _ in range(2):
        with pytest.raises(ActorDiedError) as caught:
            aktis.get(actor.ping.remote(), timeout=30)
        assert "SIGKILL" in str(caught.value)
        assert "Fragile" in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT], ids=lambda one: one.name)
def test_the_signal_that_ended_an_actor_is_named(number: signal.Signals) -> None:
    actor = Fragile.remote()
    running = actor.signal_self.remote(number)

    for ref in (running, actor.ping.remote()):
        with pytest.raises(ActorDiedError, match=number.name):
            aktis.get(ref, timeout=30)


def test_the_exit_code_that_ended_an_actor_is_named() -> None:
    actor = Fragile.remote()

    with pytest.raises(ActorDiedError, match=r"exit(ed)?( with)?( code)? 3\b"):
        aktis.get(actor.leave.remote(3), timeout=30)


def test_the_last_lines_of_a_crashed_actor_are_told() -> None:
    actor = Fragile.remote()
    running = actor.say_and_leave.remote("famous last words")

    with pytest.raises(ActorDiedError, match="famous last words"):
        aktis.get(running, timeout=30)


def test_an_actor_killed_by_the_program_is_told_apart_from_a_crash() -> None:
    actor = Fragile.remote()
    aktis.get(actor.ping.remote())
    aktis.kill(actor)

    with pytest.raises(ActorDiedError, match=r"kill\("):
        aktis.get(actor.ping.remote(), timeout=30)


def test_a_restarted_actor_begins_anew_with_its_old_arguments() -> None:
    actor = Fragile.options(max_restarts=1).remote(start=5)
    assert aktis.get(actor.add.remote(1)) == 6
    kill_process(actor)

    wait_for(lambda: answers(actor))
    assert aktis.get(actor.add.remote(1)) == 6


def test_an_actor_is_restarted_up_to_max_restarts_and_then_dead() -> None:
    actor = Fragile.options(max_restarts=2).remote()

    for _ in range(2):
        kill_process(actor)
        wait_for(lambda: answers(actor))
    kill_process(actor)

    with pytest.raises(ActorDiedError, match="SIGKILL"):
        aktis.get(actor.ping.remote(), timeout=30)


def test_an_actor_may_be_restarted_without_end() -> None:
    actor = Fragile.options(max_restarts=-1).remote()

    for _ in range(5):
        kill_process(actor)
        wait_for(lambda: answers(actor))


def test_a_call_under_way_fails_when_it_has_no_retries(started: Gate, gate: Gate) -> None:
    actor = Fragile.options(max_restarts=1).remote()
    process_id = aktis.get(actor.process_id.remote())
    running = actor.wait.remote(started, gate)
    started.wait()

    os.kill(process_id, signal.SIGKILL)

    with pytest.raises(ActorError):
        aktis.get(running, timeout=30)


def test_a_call_under_way_is_made_again_when_it_has_retries(tally: Tally) -> None:
    actor = Fragile.options(max_restarts=-1, max_task_retries=-1).remote()

    assert aktis.get(actor.crash_until.remote(tally, 4), timeout=40) == 4


def test_retries_of_a_call_end_with_max_task_retries(tally: Tally) -> None:
    actor = Fragile.options(max_restarts=-1, max_task_retries=1).remote()

    with pytest.raises(ActorError):
        aktis.get(actor.crash_until.remote(tally, 9), timeout=40)
    assert tally.count() == 2


def test_a_call_may_have_retries_of_its_own(tally: Tally) -> None:
    actor = Fragile.options(max_restarts=-1).remote()
    patient = actor.crash_until.options(max_task_retries=2)

    assert aktis.get(patient.remote(tally, 3), timeout=40) == 3


def test_queued_calls_survive_a_restart_in_their_order() -> None:
    actor = Fragile.options(max_restarts=1, max_task_retries=-1).remote()
    process_id = aktis.get(actor.process_id.remote())
    before = [actor.add.remote(1) for _ in range(20)]
    aktis.get(before)

    os.kill(process_id, signal.SIGKILL)
    after = [actor.add.remote(1) for _ in range(50)]

    assert aktis.get(after, timeout=40) == list(range(1, 51))


def test_a_name_survives_a_restart() -> None:
    actor = Fragile.options(name="phoenix", max_restarts=1, max_task_retries=-1).remote()
    kill_process(actor)

    found = aktis.get_actor("phoenix")
    assert found == actor
    assert aktis.get(found.ping.remote(), timeout=30) is True


def test_a_name_is_free_after_the_last_restart() -> None:
    actor = Fragile.options(name="mortal").remote()
    kill_process(actor)

    def is_free() -> bool:
        try:
            aktis.get_actor("mortal")
        except ValueError:
            return True
        return False

    wait_for(is_free)


def test_an_actor_that_fails_in_its_constructor_after_a_restart_is_dead(tally: Tally) -> None:
    @aktis.remote(max_restarts=3)
    class Once:
        def __init__(self) -> None:
            if tally.add() > 1:
                raise ValueError("only once")

        def process_id(self) -> int:
            return os.getpid()

    actor = Once.remote()
    kill_process(actor)

    with pytest.raises(ActorDiedError, match="only once"):
        aktis.get(actor.process_id.options(max_task_retries=-1).remote(), timeout=30)


def test_a_crash_in_the_constructor_uses_up_a_restart(tally: Tally) -> None:
    @aktis.remote(max_restarts=2)
    class Late:
        def __init__(self) -> None:
            if tally.add() < 3:
                os.kill(os.getpid(), signal.SIGKILL)

        def ping(self) -> bool:
            return True

    late = Late.options(max_task_retries=-1).remote()

    assert aktis.get(late.ping.remote(), timeout=40) is True
    assert tally.count() == 3


def test_actors_owned_by_a_killed_actor_end_with_it() -> None:
    parent = Parent.remote()
    child_process = aktis.get(parent.create.remote(), timeout=30)
    (child,) = aktis.get(parent.child.remote())

    kill_process(parent)

    wait_for(lambda: process_is_gone(child_process), timeout_s=10)
    with pytest.raises(ActorError) as caught:
        aktis.get(child.ping.remote(), timeout=30)
    assert "owner" in str(caught.value).lower()


def test_refs_owned_by_a_killed_actor_raise_for_their_borrowers() -> None:
    parent = Parent.remote()
    (ref,) = aktis.get(parent.put.remote(b"x" * 500_000), timeout=30)
    assert len(aktis.get(ref)) == 500_000
    (other,) = aktis.get(parent.put.remote(b"y" * 500_000), timeout=30)

    kill_process(parent)

    wait_for(lambda: is_lost_with_its_owner(other))
    with pytest.raises(OwnerDiedError):
        aktis.get(Fragile.remote().read.remote([other]), timeout=30)


def test_a_threaded_and_an_async_actor_restart_too() -> None:
    @aktis.remote(max_restarts=1, max_task_retries=-1)
    class Async:
        async def process_id(self) -> int:
            return os.getpid()

    for actor in (
        Fragile.options(max_restarts=1, max_task_retries=-1, max_concurrency=4).remote(),
        Async.remote(),
    ):
        first = aktis.get(actor.process_id.remote())
        os.kill(first, signal.SIGKILL)
        wait_for(lambda first=first: process_is_gone(first))  # type: ignore[misc]
        refs = [actor.process_id.remote() for _ in range(10)]
        assert first not in aktis.get(refs, timeout=30)


def test_a_program_started_by_a_killed_actor_ends_with_it() -> None:
    @aktis.remote
    class Starter:
        def start(self) -> int:
            import subprocess

            self.program = subprocess.Popen(["sleep", "60"])
            return self.program.pid

        def process_id(self) -> int:
            return os.getpid()

    starter = Starter.remote()
    program = aktis.get(starter.start.remote())

    kill_process(starter)

    wait_for(lambda: process_is_gone(program), timeout_s=10)


def kill_process(actor: Any) -> None:
    """Kills the actor's process with SIGKILL and returns once it is gone."""
    process_id = aktis.get(actor.process_id.remote(), timeout=30)
    os.kill(process_id, signal.SIGKILL)
    wait_for(lambda: process_is_gone(process_id))


def is_lost_with_its_owner(ref: aktis.ObjectRef[Any]) -> bool:
    """Whether the object is known to be lost because its owner died."""
    try:
        aktis.get(ref, timeout=30)
    except OwnerDiedError:
        return True
    return False


def answers(actor: Any) -> bool:
    """Whether the actor answers a call now; a restart under way is a plain no."""
    try:
        return bool(aktis.get(actor.ping.remote(), timeout=30))
    except aktis.exceptions.ActorUnavailableError:
        return False


@aktis.remote
class Fragile:
    def __init__(self, start: int = 0) -> None:
        self.value = start

    def ping(self) -> bool:
        return True

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def process_id(self) -> int:
        return os.getpid()

    def read(self, box: list[aktis.ObjectRef[Any]]) -> Any:
        return aktis.get(box[0])

    def wait(self, started: Gate, gate: Gate) -> None:
        started.open()
        gate.wait()

    def signal_self(self, number: int) -> None:
        os.kill(os.getpid(), number)

    def leave(self, code: int) -> None:
        os._exit(code)

    def say_and_leave(self, text: str) -> None:
        print(text, flush=True)  # noqa: T201
        os._exit(1)

    def crash_until(self, tally: Tally, success: int) -> int:
        attempt = tally.add()
        if attempt != success:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt


@aktis.remote
class Parent:
    def create(self) -> int:
        self.fragile = Fragile.remote()
        process_id: int = aktis.get(self.fragile.process_id.remote())
        return process_id

    def child(self) -> list[Any]:
        return [self.fragile]

    def put(self, data: bytes) -> list[aktis.ObjectRef[bytes]]:
        self.refs = [*getattr(self, "refs", []), aktis.put(data)]
        return self.refs[-1:]

    def process_id(self) -> int:
        return os.getpid()
