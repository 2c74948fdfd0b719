"""Methods and tasks that wait for each other: an error where nothing else could end the wait.

Owns what users see of it. How circles are found is told on the page of the ownership machines.
"""

from __future__ import annotations

from typing import Any

import pytest

import aktis
from aktis.exceptions import DeadlockError, TaskError
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")

# Longer than it takes until a wait is looked into.
LONG_S = 3.0


def test_a_method_that_waits_for_its_own_actor_raises() -> None:
    knot = Knot.remote()

    with pytest.raises(DeadlockError, match=r"Knot\.call\(\) waits for Knot\.leaf\(\)") as raised:
        aktis.get(knot.call.remote([[knot, "leaf"]]))

    assert isinstance(raised.value, TaskError)
    assert "max_concurrency" in str(raised.value)
    assert aktis.get(knot.leaf.remote()) == 1


def test_actors_that_wait_for_each_other_are_told_once_and_go_on() -> None:
    first, second = Knot.remote(), Knot.remote()

    told = aktis.get(first.attempt.remote([[second, "call"], [first, "leaf"]]))
    assert isinstance(told, DeadlockError)
    assert "Knot.attempt() waits for Knot.call(), and Knot.call() waits for Knot.leaf()" in str(
        told
    )
    assert aktis.get([first.leaf.remote(), second.leaf.remote()]) == [1, 1]


def test_a_task_between_an_actor_and_itself_is_part_of_the_circle() -> None:
    knot = Knot.remote()

    @aktis.remote
    def between() -> int:
        return int(aktis.get(knot.leaf.remote()))

    with pytest.raises(DeadlockError):
        aktis.get(knot.fetch.remote([between.remote]))


def test_a_call_whose_argument_waits_for_the_caller_raises() -> None:
    first, second = Knot.remote(), Knot.remote()

    with pytest.raises(DeadlockError):
        aktis.get(first.pass_on.remote(first, second))


def test_a_get_of_many_raises_if_one_of_them_can_never_come(gate: Gate) -> None:
    first, second = Knot.remote(), Knot.remote()

    with pytest.raises(DeadlockError):
        aktis.get(first.fetch.remote([first.leaf.remote, lambda: second.pause.remote(gate)]))
    gate.open()


def test_wait_for_all_raises_likewise() -> None:
    knot = Knot.remote()

    with pytest.raises(DeadlockError):
        aktis.get(knot.wait_all.remote(knot))


def test_threads_of_an_actor_are_counted() -> None:
    threaded = Knot.options(max_concurrency=2).remote()

    assert aktis.get(threaded.call.remote([[threaded, "leaf"]])) == 1
    results = [threaded.attempt_together.remote(threaded) for _ in range(2)]
    told = aktis.get(results)
    assert any(isinstance(one, DeadlockError) for one in told)


def test_a_wait_with_a_deadline_lasts_until_then() -> None:
    knot = Knot.remote()

    told = aktis.get(knot.attempt_for.remote(LONG_S, [[knot, "leaf"]]))
    assert isinstance(told, aktis.exceptions.GetTimeoutError)


def test_an_async_method_awaits_its_own_actor_in_peace(gate: Gate) -> None:
    lively = Lively.remote()
    awaits = lively.twice.remote(lively, gate)

    assert aktis.wait([awaits], timeout=LONG_S) == ([], [awaits])
    gate.open()
    assert aktis.get(awaits) == 2


def test_who_waits_long_for_work_that_goes_on_is_left_alone(gate: Gate) -> None:
    first, second = Knot.remote(), Knot.remote()
    waits = first.fetch.remote([lambda: second.pause.remote(gate)])

    assert aktis.wait([waits], timeout=LONG_S) == ([], [waits])
    gate.open()
    assert aktis.get(waits) == [1]


@aktis.remote
class Knot:
    """An actor that calls along a path of actors and methods, and waits."""

    def leaf(self) -> int:
        return 1

    def pause(self, gate: Gate) -> int:
        gate.wait()
        return 1

    def call(self, path: list[list[Any]]) -> Any:
        return aktis.get(_first_of(path))

    def attempt(self, path: list[list[Any]]) -> Any:
        try:
            return aktis.get(_first_of(path))
        except DeadlockError as error:
            return error

    def attempt_for(self, timeout_s: float, path: list[list[Any]]) -> Any:
        try:
            return aktis.get(_first_of(path), timeout=timeout_s)
        except (DeadlockError, aktis.exceptions.GetTimeoutError) as error:
            return error

    def attempt_together(self, myself: Any) -> Any:
        """Waits for a call behind itself once both threads are taken."""
        try:
            return aktis.get(myself.attempt.remote([[myself, "leaf"]]))
        except DeadlockError as error:
            return error

    def fetch(self, calls: list[Any]) -> Any:
        return aktis.get([call() for call in calls])

    def pass_on(self, myself: Any, other: Any) -> Any:
        return aktis.get(other.echo.remote(myself.leaf.remote()))

    def echo(self, value: int) -> int:
        return value

    def wait_all(self, myself: Any) -> Any:
        refs = [myself.leaf.remote(), myself.leaf.remote()]
        return aktis.wait(refs, num_returns=len(refs))


@aktis.remote
class Lively:
    """An actor whose methods run on one event loop."""

    async def twice(self, myself: Any, gate: Gate) -> int:
        return 2 * int(await myself.once.remote(gate))

    async def once(self, gate: Gate) -> int:
        await gate.wait_async()
        return 1


def _first_of(path: list[list[Any]]) -> Any:
    """The first call of a path, which is to make the others."""
    actor, method = path[0]
    call = getattr(actor, method)
    return call.remote(path[1:]) if path[1:] else call.remote()
