"""Where the members of a group meet: rounds, letters, and how a group ends.

Owns `aktis.util.collective.gathering`, on one loop and without processes.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from aktis.util.collective.gathering import LETTERS_MAX, Gathering
from aktis.util.collective.types import CallsDifferError, GroupEndedError

SOON_S = 0.01
LATE_S = 60.0


def on_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test on a loop of its own."""

    @functools.wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


def full(size: int) -> Gathering:
    """A group with all its members."""
    gathering = Gathering("g", size)
    for rank in range(size):
        gathering.enter(rank)
    return gathering


async def outcomes(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


@on_loop
async def test_each_gets_what_is_for_it_by_who_brought_it() -> None:
    group = full(3)

    came = await outcomes(
        *(
            group.exchange(rank, "swap", [f"{rank} to {other}" for other in range(3)], LATE_S)
            for rank in (2, 0, 1)
        )
    )

    assert came == [[f"{source} to {rank}" for source in range(3)] for rank in (2, 0, 1)]


@on_loop
async def test_who_brings_nothing_gives_nothing() -> None:
    group = full(2)

    came = await outcomes(
        group.exchange(0, "give", ["to itself", "to 1"], LATE_S),
        group.exchange(1, "give", None, LATE_S),
    )

    assert came == [["to itself", None], ["to 1", None]]


@on_loop
async def test_a_round_follows_a_round() -> None:
    group = full(2)

    async def go(rank: int) -> list[Any]:
        return [await group.exchange(rank, "go", [turn, turn], LATE_S) for turn in range(3)]

    assert await outcomes(go(0), go(1)) == [[[0, 0], [1, 1], [2, 2]]] * 2


@on_loop
async def test_members_that_call_different_things_are_all_told() -> None:
    group = full(3)

    errors = await outcomes(
        *(group.exchange(rank, "one" if rank == 1 else "two", None, LATE_S) for rank in range(3))
    )

    sentence = "the members of the group 'g' call different things: ranks 0, 2 two, rank 1 one"
    assert [(type(error), str(error)) for error in errors] == [(CallsDifferError, sentence)] * 3
    assert not group.ended


@on_loop
async def test_who_waits_too_long_ends_the_group() -> None:
    group = Gathering("g", 3)
    group.enter(0)
    group.enter(1)

    early, patient = await outcomes(
        group.exchange(0, "meet", None, SOON_S), group.exchange(1, "meet", None, LATE_S)
    )
    (late,) = await outcomes(group.exchange(2, "meet", None, LATE_S))

    why = "waited 0.01 s in meet for rank 2; rank 2 did not join the group"
    remedy = "let all members destroy it and make it again"
    assert repr(early) == repr(TimeoutError(f"rank 0 of the group 'g' {why}; {remedy}"))
    ended = GroupEndedError(f"the group 'g' has ended: rank 0 {why}; {remedy}")
    assert [repr(patient), repr(late)] == [repr(ended)] * 2


@on_loop
async def test_those_who_met_already_are_not_told_of_one_that_leaves() -> None:
    group = full(2)
    first = asyncio.ensure_future(group.exchange(0, "meet", ["a", "b"], LATE_S))
    await asyncio.sleep(0)

    second = group.exchange(1, "meet", ["c", "d"], LATE_S)
    came = await second
    await group.leave(1, how="left")

    assert came == ["b", "d"]
    assert await first == ["a", "c"]


@on_loop
async def test_a_member_that_was_cancelled_does_not_disturb_those_that_wait() -> None:
    group = full(3)
    cancelled = asyncio.ensure_future(group.exchange(0, "meet", None, LATE_S))
    waits = asyncio.ensure_future(group.exchange(1, "meet", None, LATE_S))
    await asyncio.sleep(0)

    cancelled.cancel()
    await asyncio.sleep(0)

    assert not waits.done()
    await group.leave(0, how="is gone")
    with pytest.raises(GroupEndedError, match="rank 0 is gone"):
        await waits


@on_loop
async def test_a_member_that_broke_off_and_comes_again_ends_the_group() -> None:
    group = full(2)
    broken_off = asyncio.ensure_future(group.exchange(0, "first", None, LATE_S))
    await asyncio.sleep(0)
    broken_off.cancel()

    with pytest.raises(GroupEndedError, match="rank 0 broke off first"):
        await group.exchange(0, "second", None, LATE_S)


@on_loop
async def test_letters_arrive_in_order_and_for_one_member_only() -> None:
    group = full(3)
    for letter in "ab":
        await group.send(0, 1, letter, LATE_S)
    await group.send(0, 2, "other", LATE_S)

    assert [await group.receive(0, 1, LATE_S) for _ in "ab"] == ["a", "b"]
    with pytest.raises(TimeoutError, match="rank 0 sent nothing"):
        await group.receive(0, 1, SOON_S)
    assert await group.receive(0, 2, LATE_S) == "other"
    assert not group.ended


@on_loop
async def test_a_letter_that_does_not_fit_waits_for_room() -> None:
    group = full(2)
    for number in range(LETTERS_MAX):
        await group.send(0, 1, number, LATE_S)
    late = asyncio.ensure_future(group.send(0, 1, LETTERS_MAX, LATE_S))
    await asyncio.sleep(0)

    assert not late.done()
    with pytest.raises(TimeoutError, match="did not receive"):
        await group.send(0, 1, "too much", SOON_S)
    letters = [await group.receive(0, 1, LATE_S) for _ in range(LETTERS_MAX + 1)]
    await late

    assert letters == list(range(LETTERS_MAX + 1))


@on_loop
async def test_who_receives_is_told_of_the_end_but_gets_its_letters_first() -> None:
    group = full(2)
    await group.send(0, 1, "last", LATE_S)
    await group.leave(0, how="has left it")

    assert await group.receive(0, 1, LATE_S) == "last"
    with pytest.raises(GroupEndedError, match="rank 0 has left it"):
        await group.receive(0, 1, LATE_S)
    with pytest.raises(GroupEndedError, match="rank 0 has left it"):
        await group.send(1, 0, "answer", LATE_S)


@on_loop
async def test_who_receives_from_a_stranger_is_told_that_it_did_not_join() -> None:
    group = Gathering("g", 2)
    group.enter(1)

    with pytest.raises(TimeoutError, match="rank 0 has not joined the group"):
        await group.receive(0, 1, SOON_S)
