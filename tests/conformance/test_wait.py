"""What `wait` gives back, in which order, and when.

Owns `wait` alone; `get` is in `test_objects`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


def test_wait_gives_the_ready_and_the_others(gate: Gate) -> None:
    ready, waiting = aktis.put(1), pass_gate.remote(gate)

    assert aktis.wait([waiting, ready]) == ([ready], [waiting])
    gate.open()
    assert aktis.wait([waiting]) == ([waiting], [])


def test_wait_gives_no_more_than_num_returns_even_if_more_are_ready() -> None:
    refs = [aktis.put(value) for value in range(4)]

    ready, rest = aktis.wait(refs, num_returns=2)

    assert len(ready) == 2
    assert len(rest) == 2
    assert set(ready) | set(rest) == set(refs)


def test_both_lists_keep_the_order_of_the_input(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(6)]
    refs = [pass_gate.remote(gate) for gate in gates]
    for index in (5, 3, 1):
        gates[index].open()
        aktis.get(refs[index])

    assert aktis.wait(refs, num_returns=3) == (refs[1::2], refs[0::2])
    for gate in gates:
        gate.open()


def test_wait_returns_at_num_returns(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(3)]
    refs = [pass_gate.remote(gate) for gate in gates]
    gates[0].open()
    gates[2].open()

    assert aktis.wait(refs, num_returns=2) == ([refs[0], refs[2]], [refs[1]])
    gates[1].open()


def test_wait_for_all(gate: Gate) -> None:
    refs = [pass_gate.remote(gate) for _ in range(4)]
    gate.open()

    assert aktis.wait(refs, num_returns=4) == (refs, [])


def test_wait_returns_what_is_ready_when_the_time_is_over(gate: Gate) -> None:
    ready, waiting = aktis.put(1), pass_gate.remote(gate)
    before = time.monotonic()

    assert aktis.wait([ready, waiting], num_returns=2, timeout=0.2) == ([ready], [waiting])
    assert 0.2 <= time.monotonic() - before < 5
    gate.open()


def test_wait_with_timeout_zero_polls(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    assert aktis.wait([ref], timeout=0) == ([], [ref])
    gate.open()
    aktis.get(ref)
    assert aktis.wait([ref], timeout=0) == ([ref], [])


def test_a_failed_task_counts_as_ready() -> None:
    @aktis.remote
    def fail() -> None:
        raise ValueError

    ref = fail.remote()

    assert aktis.wait([ref], timeout=30) == ([ref], [])


def test_wait_of_nothing_gives_nothing() -> None:
    assert aktis.wait([]) == ([], [])


@pytest.mark.parametrize("num_returns", [0, -1, 3])
def test_wait_refuses_a_number_it_can_never_reach(num_returns: int) -> None:
    with pytest.raises(ValueError):
        aktis.wait([aktis.put(1), aktis.put(2)], num_returns=num_returns)


def test_wait_refuses_duplicates() -> None:
    ref = aktis.put(1)

    with pytest.raises(ValueError):
        aktis.wait([ref, ref])


def test_wait_refuses_a_negative_timeout() -> None:
    with pytest.raises(ValueError):
        aktis.wait([aktis.put(1)], timeout=-1)


def test_wait_refuses_a_single_ref() -> None:
    with pytest.raises(TypeError):
        aktis.wait(aktis.put(1))  # type: ignore[arg-type]


def test_wait_refuses_a_list_of_something_else() -> None:
    with pytest.raises(TypeError):
        aktis.wait([1])  # type: ignore[type-var]


def test_wait_need_not_fetch() -> None:
    ref = identity.remote(1)

    assert aktis.wait([ref], fetch_local=False, timeout=30) == ([ref], [])


def test_a_generator_is_ready_when_its_next_item_is(gate: Gate) -> None:
    @aktis.remote
    def one_then_gate() -> Any:
        yield "first"
        gate.wait()
        yield "second"

    generator = one_then_gate.remote()

    assert aktis.wait([generator], timeout=30) == ([generator], [])
    assert aktis.get(next(generator)) == "first"
    assert aktis.wait([generator], timeout=0.1) == ([], [generator])
    gate.open()
    assert aktis.wait([generator], timeout=30) == ([generator], [])


def test_refs_and_generators_may_be_mixed(gate: Gate) -> None:
    @aktis.remote
    def yield_one() -> Any:
        yield 1

    generator, waiting = yield_one.remote(), pass_gate.remote(gate)

    assert aktis.wait([waiting, generator], timeout=30) == ([generator], [waiting])
    gate.open()


def test_waiting_for_a_thousand_refs_one_by_one_finds_each_once() -> None:
    waiting = [identity.remote(value) for value in range(1000)]
    values = []
    while waiting:
        ready, waiting = aktis.wait(waiting, num_returns=min(50, len(waiting)))
        values.extend(aktis.get(ready))

    assert sorted(values) == list(range(1000))


@aktis.remote
def identity(value: Any) -> Any:
    return value


@aktis.remote(num_cpus=0.5)
def pass_gate(gate: Gate) -> bool:
    gate.wait()
    return True
