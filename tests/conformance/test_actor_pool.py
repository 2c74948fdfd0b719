"""The pool of actors: who is called, and in which order results come.

Owns `aktis.util.ActorPool`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.util import ActorPool
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def pool() -> Iterator[ActorPool]:
    """A pool of two actors."""
    actors = [Doubler.remote() for _ in range(2)]
    yield ActorPool(actors)
    for actor in actors:
        aktis.kill(actor)


def test_map_yields_results_in_the_order_of_the_values(pool: ActorPool) -> None:
    assert list(pool.map(double, range(6))) == [0, 2, 4, 6, 8, 10]


def test_map_unordered_yields_all_results(pool: ActorPool) -> None:
    assert sorted(pool.map_unordered(double, range(6))) == [0, 2, 4, 6, 8, 10]


def test_map_unordered_does_not_wait_for_a_slow_call(pool: ActorPool, gate: Gate) -> None:
    results = pool.map_unordered(wait_or_double, [gate, 1, 2])

    assert [next(results), next(results)] == [2, 4]
    gate.open()
    assert list(results) == ["passed"]


def test_submitted_calls_beyond_the_actors_wait_for_one(pool: ActorPool) -> None:
    for value in range(5):
        pool.submit(double, value)

    assert not pool.has_free()
    assert [pool.get_next() for _ in range(5)] == [0, 2, 4, 6, 8]
    assert pool.has_free()
    assert not pool.has_next()


def test_get_next_without_a_call_stops(pool: ActorPool) -> None:
    with pytest.raises(StopIteration):
        pool.get_next()
    with pytest.raises(StopIteration):
        pool.get_next_unordered()


def test_get_next_gives_up_after_its_timeout_and_keeps_the_call(
    pool: ActorPool, gate: Gate
) -> None:
    pool.submit(wait_or_double, gate)

    with pytest.raises(TimeoutError):
        pool.get_next(timeout=0.05)
    gate.open()
    assert pool.get_next() == "passed"


@pytest.mark.parametrize("method", ["get_next", "get_next_unordered"])
def test_a_result_that_is_late_may_be_dropped(pool: ActorPool, gate: Gate, method: str) -> None:
    pool.submit(wait_or_double, gate)

    with pytest.raises(TimeoutError):
        getattr(pool, method)(timeout=0.05, ignore_if_timedout=True)

    assert not pool.has_next()
    gate.open()
    assert list(pool.map(double, [1, 2, 3])) == [2, 4, 6]


def test_get_next_cannot_follow_get_next_unordered(pool: ActorPool) -> None:
    for value in range(3):
        pool.submit(double, value)
    pool.get_next_unordered()

    with pytest.raises(ValueError, match="get_next_unordered"):
        pool.get_next()


def test_a_failed_call_raises_in_its_turn_and_its_actor_goes_on(pool: ActorPool) -> None:
    results = pool.map(double, [1, None, 3])

    assert next(results) == 2
    with pytest.raises(TypeError):
        next(results)
    assert list(pool.map(double, [4, 5])) == [8, 10]


def test_map_drops_what_was_submitted_before(pool: ActorPool) -> None:
    pool.submit(double, 100)

    assert list(pool.map(double, [1, 2])) == [2, 4]


def test_an_idle_actor_can_be_taken_out_and_put_back(pool: ActorPool) -> None:
    first = pool.pop_idle()
    second = pool.pop_idle()

    assert first is not None
    assert second is not None
    assert pool.pop_idle() is None
    pool.submit(double, 1)
    assert not pool.has_next()
    pool.push(first)
    assert pool.get_next() == 2
    pool.push(second)


def test_an_actor_is_in_the_pool_once(pool: ActorPool) -> None:
    actor = pool.pop_idle()
    assert actor is not None
    pool.push(actor)

    with pytest.raises(ValueError, match="already"):
        pool.push(actor)


@aktis.remote(num_cpus=0)
class Doubler:
    def double(self, value: Any) -> Any:
        return value * 2

    def wait(self, gate: Gate) -> str:
        gate.wait()
        return "passed"


def double(actor: Any, value: Any) -> Any:
    return actor.double.remote(value)


def wait_or_double(actor: Any, value: Any) -> Any:
    return actor.wait.remote(value) if isinstance(value, Gate) else double(actor, value)
