"""Members of groups that die: the others are told at once, and can begin again.

Owns what `aktis.util.collective` promises when processes end by force.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.util import collective as col
from aktis.util.collective.types import GroupEndedError
from tests.conformance.waiting import Gate, wait_for

pytestmark = pytest.mark.usefixtures("session")

# Longer than a test may take: whoever is told was not told by a timeout.
TIMEOUT_MS = 600_000
LARGE = 2_000_000


@aktis.remote(num_cpus=0, max_restarts=1, max_task_retries=0)
class Member:
    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


def joined(name: str, size: int = 3) -> list[Any]:
    members: list[Any] = [Member.remote() for _ in range(size)]
    join(members, name)
    return members


def join(members: list[Any], name: str) -> None:
    aktis.get(
        [
            member.call.remote(
                col.init_collective_group, len(members), rank, "gloo", name, TIMEOUT_MS
            )
            for rank, member in enumerate(members)
        ]
    )


def reduced(name: str, size: int = LARGE) -> float:
    tensor = np.ones(size)
    col.allreduce(tensor, name)
    return float(tensor[-1])


def test_the_death_of_a_member_is_an_error_of_those_that_wait_for_it() -> None:
    members = joined("one dies")
    waits = [member.call.remote(reduced, "one dies") for member in members[:2]]
    victim = aktis.get(members[2].call.remote(os.getpid))

    os.kill(victim, signal.SIGKILL)

    for ref in waits:
        with pytest.raises(GroupEndedError, match="rank 2 is gone"):
            aktis.get(ref, timeout=30)


def test_the_death_of_a_member_within_an_operation_is_an_error_of_the_others(
    started: Gate,
) -> None:
    members = joined("one dies within")

    def reduce_until_the_end(rank: int) -> None:
        for turn in range(100_000):
            if (rank, turn) == (1, 3):
                started.open()
            reduced("one dies within", 100_000)

    runs = [member.call.remote(reduce_until_the_end, rank) for rank, member in enumerate(members)]
    started.wait()
    aktis.kill(members[0], no_restart=True)

    for ref in runs[1:]:
        with pytest.raises(GroupEndedError, match="rank 0 is gone"):
            aktis.get(ref, timeout=30)


def test_a_restarted_member_and_the_others_make_the_group_again() -> None:
    members = joined("again")
    os.kill(aktis.get(members[1].call.remote(os.getpid)), signal.SIGKILL)
    for member in (members[0], members[2]):
        with pytest.raises(GroupEndedError):
            aktis.get(member.call.remote(reduced, "again"), timeout=30)

    for member in (members[0], members[2]):
        aktis.get(member.call.remote(col.destroy_collective_group, "again"))
    wait_for(lambda: is_back(members[1]))
    join(members, "again")

    assert aktis.get([member.call.remote(reduced, "again") for member in members]) == [3.0] * 3


def test_the_death_of_the_actor_in_which_they_meet_is_an_error_of_all() -> None:
    members = joined("no place")
    waits = members[0].call.remote(col.barrier, "no place")

    aktis.kill(aktis.get_actor("collective group no place"))

    with pytest.raises(GroupEndedError, match="the actor in which it meets has"):
        aktis.get(waits, timeout=30)
    aktis.get([member.call.remote(col.destroy_collective_group, "no place") for member in members])
    join(members, "no place")


def test_a_task_that_ends_without_leaving_is_missed_once_its_process_ends() -> None:
    @aktis.remote(max_retries=0)
    def join_and_crash() -> None:
        col.init_collective_group(2, 1, "gloo", "crash", TIMEOUT_MS)
        os._exit(1)

    member: Any = Member.remote()
    aktis.get(member.call.remote(col.init_collective_group, 2, 0, "gloo", "crash", TIMEOUT_MS))
    waits = member.call.remote(col.barrier, "crash")

    join_and_crash.remote()

    with pytest.raises(GroupEndedError, match="rank 1 is gone"):
        aktis.get(waits, timeout=30)


def is_back(member: Any) -> bool:
    """Whether a restarted actor takes calls."""
    try:
        return bool(aktis.get(member.call.remote(os.getpid), timeout=30))
    except aktis.exceptions.ActorUnavailableError:
        return False
