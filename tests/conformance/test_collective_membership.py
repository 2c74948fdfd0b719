"""Actors and tasks become members of groups, and know what they are members of.

Owns who may join a group, by itself or by the driver. Does not own what members do together
(`test_collective_operations.py`), nor how a group ends (`test_collective_ends.py`).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.util import collective as col
from tests.conformance.collective_groups import Group, Member
from tests.conformance.drivers import Driver, lines_of
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


def test_an_actor_is_in_several_groups(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def reduced(rank: int) -> Any:
        tensors = [np.ones(2), np.ones(2)]
        names = [f"{group.name} {letter}" for letter in "ab"]
        for name, other_rank in zip(names, (rank, 1 - rank), strict=True):
            col.init_collective_group(2, other_rank, "gloo", name)
        ranks = [col.get_rank(name) for name in names]
        for tensor, name in zip(tensors, names, strict=True):
            col.allreduce(tensor, name)
        for name in names:
            col.destroy_collective_group(name)
        return ranks, [tensor.tolist() for tensor in tensors]

    twice = [[2.0, 2.0], [2.0, 2.0]]
    assert group.run(reduced) == [([0, 1], twice), ([1, 0], twice)]


def test_tasks_are_members_too() -> None:
    @aktis.remote(num_cpus=1)
    def reduced(rank: int) -> Any:
        col.init_collective_group(2, rank, "gloo", "tasks")
        tensor = np.ones(2)
        col.allreduce(tensor, "tasks")
        col.destroy_collective_group("tasks")
        return tensor.tolist()

    assert aktis.get([reduced.remote(0), reduced.remote(1)]) == [[2.0, 2.0]] * 2


def test_a_member_knows_its_rank_and_the_size(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def told(_rank: int) -> Any:
        handle = col.get_group_handle(group.name)
        here = (col.get_rank(group.name), col.get_collective_group_size(group.name))
        return here, (handle.rank, handle.world_size, handle.group_name)

    assert group.run(told) == [((rank, 2), (rank, 2, group.name)) for rank in range(2)]


def test_a_stranger_is_told_that_it_is_in_no_group() -> None:
    assert not col.is_group_initialized("nobody")
    assert (col.get_rank("nobody"), col.get_collective_group_size("nobody")) == (-1, -1)
    col.destroy_collective_group("nobody")
    with pytest.raises(RuntimeError, match="in no group 'nobody'"):
        col.allreduce(np.ones(1), "nobody")


def test_without_a_session_there_are_no_groups_and_none_begins(
    drive: Callable[..., Driver],
) -> None:
    driver = drive(
        """
        import aktis
        from aktis.experimental import collective
        from aktis.util import collective as col

        print(col.is_group_initialized("g"), col.get_rank("g"), col.get_collective_group_size("g"))
        print(collective.get_collective_groups([]))
        col.destroy_collective_group("g")
        collective.destroy_all_collective_groups()
        print(aktis.is_initialized())
        """
    )

    assert lines_of(driver) == ["False -1 -1", "[]", "False"]


def test_a_group_can_be_made_again_under_its_name(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def again(rank: int) -> Any:
        tensor = np.ones(1)
        for turn in range(20):
            col.allreduce(tensor, group.name)
            col.destroy_collective_group(group.name)
            col.init_collective_group(2, (rank + turn) % 2, "gloo", group.name)
        col.allreduce(tensor, group.name)
        return tensor.tolist()

    assert group.run(again) == [[2.0**21]] * 2


def test_a_process_cannot_join_a_group_twice(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    with pytest.raises(RuntimeError, match="already"):
        aktis.get(group.join(0))


def test_a_rank_belongs_to_one_process(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    with pytest.raises(RuntimeError, match="another process"):
        col.init_collective_group(2, 0, "gloo", group.name)
    assert not col.is_group_initialized(group.name)


def test_members_must_agree_on_the_size(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    with pytest.raises(ValueError, match="world_size=3"):
        col.init_collective_group(3, 2, "gloo", group.name)


@pytest.mark.parametrize(
    ("world_size", "rank", "name", "timeout_ms"),
    [(0, 0, "g", 1), (2, 2, "g", 1), (2, -1, "g", 1), (2, 0, "", 1), (2, 0, "g", 0)],
)
def test_a_membership_that_makes_no_sense_is_refused(
    world_size: int, rank: int, name: str, timeout_ms: int
) -> None:
    with pytest.raises(ValueError, match=r"make no sense|not empty|more than 0"):
        col.init_collective_group(world_size, rank, "gloo", name, timeout_ms)


def test_the_driver_makes_actors_a_group_and_ends_it() -> None:
    members: list[Any] = [Member.remote() for _ in range(2)]

    for _ in range(2):
        col.create_collective_group(members, 2, [1, 0], "gloo", "made")
        ranks = [member.call.remote(col.get_rank, "made") for member in members]
        assert aktis.get(ranks) == [1, 0]
        col.destroy_collective_group("made")
        inside = [member.call.remote(col.is_group_initialized, "made") for member in members]
        assert aktis.get(inside) == [False, False]


def test_the_loops_of_async_actors_are_not_blocked_when_they_join_and_leave(
    drive: Callable[..., Driver],
) -> None:
    # A worker whose loop is blocked complains of it, and a driver that was told anything fails.
    driver = drive(
        """
        import aktis
        from aktis.util import collective as col

        @aktis.remote(num_cpus=0)
        class Member:
            async def rank(self):
                return col.get_rank("loops")

        with aktis.init(num_cpus=1):
            members = [Member.remote() for _ in range(2)]
            col.create_collective_group(members, 2, [1, 0], "gloo", "loops")
            print(aktis.get([member.rank.remote() for member in members]))
            col.destroy_collective_group("loops")
            print(aktis.get([member.rank.remote() for member in members]))
        """
    )

    assert lines_of(driver) == ["[1, 0]", "[-1, -1]"]


def test_a_group_of_actors_that_makes_no_sense_is_refused() -> None:
    member: Any = Member.remote()

    for actors, size, ranks in ([member], 2, [0]), ([member], 1, [1]), ([member] * 2, 2, [0, 0]):
        with pytest.raises(RuntimeError, match="a rank of its own"):
            col.create_collective_group(actors, size, ranks, "gloo", "odd")


def test_a_group_that_could_not_be_made_leaves_all_as_they_were() -> None:
    members: list[Any] = [Member.remote() for _ in range(2)]
    aktis.get(members[1].call.remote(col.init_collective_group, 1, 0, "gloo", "taken"))

    with pytest.raises(RuntimeError, match="in a group 'taken' already"):
        col.create_collective_group(members, 2, [0, 1], "gloo", "taken")

    sizes = [member.call.remote(col.get_collective_group_size, "taken") for member in members]
    assert aktis.get(sizes) == [-1, 1]
    aktis.get(members[1].call.remote(col.destroy_collective_group, "taken"))
    col.create_collective_group(members, 2, [0, 1], "gloo", "taken")
    col.destroy_collective_group("taken")


def test_actors_that_are_busy_for_too_long_are_not_waited_for(
    make_group: Callable[..., Group], gate: Gate
) -> None:
    members = make_group(2).members
    members[1].call.remote(gate.wait)

    with pytest.raises(TimeoutError, match=r"within 2 s: its ranks \[1\] did not join"):
        col.create_collective_group(members, 2, [0, 1], "gloo", "late", gloo_timeout=2_000)

    gate.open()
    inside = [member.call.remote(col.is_group_initialized, "late") for member in members]
    assert aktis.get(inside) == [False, False]


def test_a_thread_that_waits_to_join_keeps_no_other_from_joining(
    make_group: Callable[..., Group], started: Gate
) -> None:
    earlier = make_group(2)
    aktis.get(earlier.members[0].call.remote(col.destroy_collective_group, earlier.name))
    member: Any = Member.options(max_concurrency=2).remote()

    def join_next() -> None:
        started.open()
        col.init_collective_group(2, 0, "gloo", earlier.name)

    waits = member.call.remote(join_next)
    started.wait()
    aktis.get(member.call.remote(col.init_collective_group, 2, 0, "gloo", "another"))

    assert aktis.wait([waits], timeout=0) == ([], [waits])
    aktis.get(earlier.members[1].call.remote(col.destroy_collective_group, earlier.name))
    aktis.get(waits)


def test_who_is_interrupted_while_it_waits_to_join_is_not_let_in_later(
    make_group: Callable[..., Group],
) -> None:
    earlier = make_group(2)
    aktis.get(earlier.members[0].call.remote(col.destroy_collective_group, earlier.name))
    interrupt = (threading.get_ident(), signal.SIGINT)
    threading.Timer(0.5, signal.pthread_kill, interrupt).start()

    with pytest.raises(KeyboardInterrupt):
        col.init_collective_group(2, 0, "gloo", earlier.name)

    aktis.get(earlier.members[1].call.remote(col.destroy_collective_group, earlier.name))
    col.init_collective_group(2, 0, "gloo", earlier.name)
    col.destroy_collective_group(earlier.name)
