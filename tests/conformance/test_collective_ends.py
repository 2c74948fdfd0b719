"""How groups end: a member leaves, breaks off, or waits too long, and the others are told.

Owns what `aktis.util.collective` promises then, while all processes live. Does not own what happens
when one dies (`tests/faults`), nor the meeting without processes
(`tests/unit/face/test_gathering.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.util import collective as col
from aktis.util.collective.types import GroupEndedError
from tests.conformance.collective_groups import Group, Member
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")

SHORT_MS = 300


def test_the_actor_of_a_group_ends_with_it(make_group: Callable[..., Group], wait_for: Any) -> None:
    group = make_group(2)
    name = f"collective group {group.name}"
    assert name in aktis.util.list_named_actors()

    group.run(lambda _: col.destroy_collective_group(group.name))

    wait_for(lambda: name not in aktis.util.list_named_actors())


def test_the_actor_of_a_group_ends_when_its_members_are_gone(
    make_group: Callable[..., Group], wait_for: Any
) -> None:
    group = make_group(2)

    for member in group.members:
        aktis.kill(member)

    wait_for(lambda: f"collective group {group.name}" not in aktis.util.list_named_actors())


def test_who_waits_too_long_is_told_who_did_not_come(make_group: Callable[..., Group]) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    with pytest.raises(TimeoutError, match=r"rank 0 .* waited 0\.3 s in barrier\(\) for rank 1"):
        aktis.get(group.members[0].call.remote(col.barrier, group.name))
    with pytest.raises(GroupEndedError, match="rank 0 waited"):
        aktis.get(group.members[1].call.remote(col.barrier, group.name))


def test_who_waits_for_a_stranger_is_told_that_it_did_not_join() -> None:
    member: Any = Member.remote()
    aktis.get(member.call.remote(col.init_collective_group, 3, 1, "gloo", "alone", SHORT_MS))

    with pytest.raises(TimeoutError, match=r"for ranks 0, 2; ranks 0, 2 did not join the group"):
        aktis.get(member.call.remote(col.barrier, "alone"))


def test_who_receives_nothing_is_told(make_group: Callable[..., Group]) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    def receive() -> None:
        col.recv(np.ones(1), 1, group.name)

    with pytest.raises(TimeoutError, match="rank 1 sent nothing"):
        aktis.get(group.members[0].call.remote(receive))


def test_a_sender_waits_for_a_receiver_that_lags_behind(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    def flood() -> None:
        for _ in range(100):
            col.send(np.ones(1), 1, group.name)

    with pytest.raises(TimeoutError, match="64 letters"):
        aktis.get(group.members[0].call.remote(flood))


def test_a_member_that_leaves_ends_the_group_for_those_that_wait(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)
    waits = group.members[0].call.remote(col.barrier, group.name)

    aktis.get(group.members[1].call.remote(col.destroy_collective_group, group.name))

    with pytest.raises(GroupEndedError, match="rank 1 has left it"):
        aktis.get(waits)


def test_an_earlier_group_must_be_destroyed_by_all_before_the_next(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)
    aktis.get(group.members[0].call.remote(col.destroy_collective_group, group.name))
    newcomer: Any = Member.remote()
    args = (col.init_collective_group, 2, 0, "gloo", group.name)

    with pytest.raises(TimeoutError, match=r"its ranks \[1\] have not destroyed it"):
        aktis.get(newcomer.call.remote(*args, SHORT_MS))
    waits = newcomer.call.remote(*args)
    aktis.get(group.members[1].call.remote(col.destroy_collective_group, group.name))
    aktis.get(waits)
    assert aktis.get(newcomer.call.remote(col.get_rank, group.name)) == 0


def test_a_member_whose_operation_breaks_off_leaves_the_group(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def broken_off(rank: int) -> str:
        with pytest.raises(TypeError):
            col.allreduce(np.array([[1, "a"][rank]], object), group.name)
        with pytest.raises(GroupEndedError) as raised:
            col.barrier(group.name)
        return str(raised.value)

    assert group.run(broken_off) == [
        f"rank {rank} has left the group {group.name!r}" for rank in range(2)
    ]


def test_what_was_sent_arrives_even_if_its_sender_has_left(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def send_and_leave() -> None:
        col.send(np.full(3, 7), 1, group.name)
        col.destroy_collective_group(group.name)

    def received() -> Any:
        tensor = np.zeros(3, int)
        col.recv(tensor, 0, group.name)
        return tensor.tolist()

    aktis.get(group.members[0].call.remote(send_and_leave))

    assert aktis.get(group.members[1].call.remote(received)) == [7, 7, 7]
    with pytest.raises(GroupEndedError, match="rank 0 has left it"):
        aktis.get(group.members[1].call.remote(received))


def test_a_member_whose_joining_call_is_cancelled_is_out_of_the_group(
    make_group: Callable[..., Group], started: Gate, gate: Gate
) -> None:
    cancelled: Any = AsyncMember.remote()
    members = make_group(2).members

    def join(rank: int) -> None:
        col.init_collective_group(2, rank, "gloo", "cancelled")

    def join_and_stay() -> None:
        join(0)
        started.open()
        gate.wait()

    def leave() -> None:
        col.destroy_collective_group("cancelled")

    def met() -> bool:
        col.barrier("cancelled")
        return True

    joining = cancelled.call.remote(join_and_stay)
    aktis.get(members[1].call.remote(join, 1))
    started.wait()

    aktis.cancel(joining)

    with pytest.raises(GroupEndedError, match="rank 0 is gone"):
        aktis.get(members[1].call.remote(met))
    # In time for the same actor to be the place of the next group, in which rank 0 is another.
    waits = members[0].call.remote(join, 0)
    assert aktis.wait([waits], timeout=0.3) == ([], [waits])
    aktis.get(members[1].call.remote(leave))
    aktis.get([waits, members[1].call.remote(join, 1)])
    with pytest.raises(GroupEndedError):
        aktis.get(cancelled.call.remote(met))
    aktis.get(cancelled.call.remote(leave))
    assert aktis.get([member.call.remote(met) for member in members]) == [True, True]
    aktis.get([member.call.remote(leave) for member in members])
    gate.open()


@aktis.remote(num_cpus=0)
class AsyncMember:
    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)
