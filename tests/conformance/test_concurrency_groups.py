"""How methods of an actor are divided into groups, each with a limit of its own.

Owns concurrency groups of async and of threaded actors.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import aktis
from tests.conformance.waiting import Gate, Tally, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_full_group_does_not_hold_back_another_group(gate: Gate, tally: Tally) -> None:
    actor = AsyncGroups.remote()
    blocked = [actor.wait_io.remote(gate, tally) for _ in range(5)]

    wait_for(lambda: tally.count() == 2)
    assert aktis.get(actor.compute.remote()) == "computed"
    assert aktis.wait(blocked, timeout=0.2) == ([], blocked)
    assert tally.count() == 2
    gate.open()
    aktis.get(blocked)
    assert tally.count() == 5


def test_methods_without_a_group_run_in_the_default_group(gate: Gate, tally: Tally) -> None:
    actor = AsyncGroups.remote()
    blocked = [actor.wait_io.remote(gate, tally) for _ in range(3)]

    assert aktis.get(actor.ping.remote()) is True
    gate.open()
    aktis.get(blocked)


def test_the_default_group_is_limited_by_max_concurrency(tmp_path: Path) -> None:
    actor = ThreadedGroups.options(max_concurrency=2).remote()
    gates = [Gate(tmp_path / str(index)) for index in range(2)]

    assert aktis.get([actor.meet.remote(gate, gates) for gate in gates]) == [True, True]


def test_a_call_may_choose_another_group(gate: Gate, tally: Tally) -> None:
    actor = AsyncGroups.remote()
    blocked = [actor.wait_io.remote(gate, tally) for _ in range(2)]
    wait_for(lambda: tally.count() == 2)
    moved = actor.compute.options(concurrency_group="io").remote()

    assert aktis.wait([moved], timeout=0.2) == ([], [moved])
    gate.open()
    assert aktis.get(moved) == "computed"
    aktis.get(blocked)


def test_a_group_nobody_declared_fails_the_call() -> None:
    actor = AsyncGroups.remote()

    with pytest.raises(Exception, match="unheard_of"):
        aktis.get(actor.compute.options(concurrency_group="unheard_of").remote(), timeout=30)


def test_groups_of_a_threaded_actor_have_threads_of_their_own(tmp_path: Path) -> None:
    actor = ThreadedGroups.remote()
    opened, end = Gate(tmp_path / "opened"), Gate(tmp_path / "end")
    blocked = actor.block_io.remote(opened, end)
    opened.wait()

    io_thread = actor.io_thread.remote()
    assert aktis.get(actor.compute_thread.remote()) != aktis.get(io_thread)
    end.open()
    aktis.get(blocked)


def test_calls_of_one_group_with_one_thread_run_in_order() -> None:
    actor = ThreadedGroups.remote()
    aktis.get([actor.record.remote(value) for value in range(100)])

    assert aktis.get(actor.read.remote()) == list(range(100))


def test_a_group_of_one_thread_always_uses_the_same_thread() -> None:
    actor = ThreadedGroups.remote()

    assert len(set(aktis.get([actor.compute_thread.remote() for _ in range(10)]))) == 1


def test_groups_belong_in_the_decorator_only() -> None:
    with pytest.raises(ValueError, match="concurrency_groups"):
        AsyncGroups.options(concurrency_groups={"io": 1})


@aktis.remote(concurrency_groups={"io": 2, "compute": 1})
class AsyncGroups:
    @aktis.method(concurrency_group="io")
    async def wait_io(self, gate: Gate, tally: Tally) -> None:
        tally.add()
        await gate.wait_async()

    @aktis.method(concurrency_group="compute")
    async def compute(self) -> str:
        return "computed"

    async def ping(self) -> bool:
        return True


@aktis.remote(concurrency_groups={"io": 2, "compute": 1})
class ThreadedGroups:
    def __init__(self) -> None:
        self.values: list[int] = []

    @aktis.method(concurrency_group="io")
    def block_io(self, opened: Gate, end: Gate) -> None:
        opened.open()
        end.wait()

    @aktis.method(concurrency_group="io")
    def io_thread(self) -> int:
        return threading.get_ident()

    @aktis.method(concurrency_group="compute")
    def compute_thread(self) -> int:
        return threading.get_ident()

    @aktis.method(concurrency_group="compute")
    def record(self, value: int) -> None:
        self.values.append(value)

    @aktis.method(concurrency_group="compute")
    def read(self) -> list[int]:
        return self.values

    def meet(self, own: Gate, others: list[Gate]) -> bool:
        own.open()
        for other in others:
            other.wait()
        return True
