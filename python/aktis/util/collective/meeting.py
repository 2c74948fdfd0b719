"""The actor in which a group meets, and how its members find it.

Owns the actor's life: it begins with the first member and ends with the last. Does not own what
happens in a group (`gathering`).

A member is there for as long as one call of it runs, `attend`. The engine cancels the calls of a
process that ended, and so the others learn of it at once. Nothing is asked of a member, so that it
may wait in an operation while its own calls wait.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import aktis
from aktis.actor import exit_actor
from aktis.exceptions import ActorDiedError, GetTimeoutError, TaskError
from aktis.util.collective.gathering import Gathering
from aktis.util.collective.types import GroupEndedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aktis.util.collective.gathering import Parcels

# Each member has one call that lasts, and at most one more under way for each of its threads.
CALLS_MAX = 100_000
# How much longer than the wait itself its end may take to be told.
GRACE_S = 10.0
# What is said of a member whose call `attend` ended before the member left.
GONE = "is gone: its process ended, or the call in which it joined was cancelled"


class Place:
    """What one member has of the meeting."""

    def __init__(self, group_name: str, world_size: int, rank: int, timeout_s: float) -> None:
        """Joins the group, and makes its actor if this is the first member.

        Raises:
            RuntimeError: another process has the rank.
            TimeoutError: an earlier group of the name did not end within the time, or the actor
                did not begin.
            ValueError: the group has another size.
        """
        self._name = group_name
        self._rank = rank
        self._timeout_s = timeout_s
        self._has_left = False
        self._actor, self._attendance, self._ticket = _join(group_name, world_size, rank, timeout_s)

    def exchange(self, call: str, brought: Parcels) -> Any:
        """Takes part in a round: see `Gathering.exchange`."""
        return self._ask("exchange", call, brought, self._timeout_s)

    def send(self, target: int, letter: Any) -> None:
        """Leaves a letter: see `Gathering.send`."""
        self._ask("send", target, letter, self._timeout_s)

    def receive(self, source: int) -> Any:
        """Takes a letter: see `Gathering.receive`."""
        return self._ask("receive", source, self._timeout_s)

    def leave(self) -> None:
        """Leaves the group. Harmless if repeated, and if the group or its actor is gone."""
        if self._has_left:
            return
        self._has_left = True
        try:
            aktis.get(self._actor.leave.remote(self._ticket), timeout=GRACE_S)
        except ActorDiedError:
            return

    def _ask(self, method: str, *args: Any) -> Any:
        if self._has_left:
            message = f"rank {self._rank} has left the group {self._name!r}"
            raise GroupEndedError(message)
        ref = getattr(self._actor, method).remote(self._ticket, *args)
        try:
            return aktis.get(ref, timeout=self._timeout_s + GRACE_S)
        except TaskError as error:
            # What the actor raised, without the way it came.
            raise error.cause from None
        except (ActorDiedError, GetTimeoutError) as error:
            message = (
                f"the group {self._name!r} has ended, since the actor in which it meets has, or "
                f"does not answer: {error}"
            )
            raise GroupEndedError(message) from error


class ClosedError(RuntimeError):
    """The actor takes no members any more: it ends."""


class _Member(NamedTuple):
    """A member as the actor knows it; `left` is set once it leaves."""

    gathering: Gathering
    rank: int
    left: asyncio.Event


class Meeting:
    """The actor: a group, and after it the next one of the name.

    A member shows the ticket that it got when it joined. Its rank would not do: of two groups that
    follow each other, both have it.
    """

    def __init__(self, group_name: str) -> None:
        self._name = group_name
        self._gathering: Gathering | None = None
        self._members: dict[int, _Member] = {}
        self._tickets = itertools.count()
        self._emptied = asyncio.Condition()
        self._waiting = 0
        self._is_closed = False

    async def attend(self, rank: int, world_size: int, timeout_s: float) -> AsyncIterator[int]:
        """Lets a member in, yields its ticket, and lasts until it leaves or its process ends."""
        gathering = await self._open(rank, world_size, timeout_s)
        gathering.enter(rank)
        ticket = next(self._tickets)
        member = self._members[ticket] = _Member(gathering, rank, asyncio.Event())
        try:
            yield ticket
            await member.left.wait()
        finally:
            del self._members[ticket]
            await gathering.leave(rank, how=GONE)
            if not gathering.present and gathering is self._gathering:
                await self._close()

    async def leave(self, ticket: int) -> None:
        """Lets a member out, and its call `attend` end. Harmless if that has ended."""
        member = self._members.get(ticket)
        if member is not None:
            await member.gathering.leave(member.rank, how="has left it")
            member.left.set()

    async def exchange(
        self, ticket: int, call: str, brought: Parcels, timeout_s: float
    ) -> bytes | list[Any]:
        """See `Gathering.exchange`."""
        gathering, rank, _ = self._member(ticket)
        return await gathering.exchange(rank, call, brought, timeout_s)

    async def send(self, ticket: int, target: int, letter: Any, timeout_s: float) -> None:
        """See `Gathering.send`."""
        gathering, rank, _ = self._member(ticket)
        await gathering.send(rank, target, letter, timeout_s)

    async def receive(self, ticket: int, source: int, timeout_s: float) -> Any:
        """See `Gathering.receive`."""
        gathering, rank, _ = self._member(ticket)
        return await gathering.receive(source, rank, timeout_s)

    def _member(self, ticket: int) -> _Member:
        """The member that asks."""
        member = self._members.get(ticket)
        if member is None:
            message = (
                f"this process is in the group {self._name!r} no longer: it has left, or the call "
                f"in which it joined was cancelled"
            )
            raise GroupEndedError(message)
        return member

    async def _open(self, rank: int, world_size: int, timeout_s: float) -> Gathering:
        """The group for a member that comes: the one at hand, or one after that has ended."""
        if self._is_closed:
            # The actor ends after the calls that run, so this one must not last.
            raise ClosedError
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s), self._emptied:
                await self._emptied.wait_for(self._takes_members)
        except TimeoutError:
            left = sorted(self._gathering.present) if self._gathering else []
            message = (
                f"rank {rank} waited {timeout_s:g} s to join the group {self._name!r}: an earlier "
                f"one of the name has ended, and its ranks {left} have not destroyed it"
            )
            raise TimeoutError(message) from None
        finally:
            self._waiting -= 1
        if self._gathering is None:
            self._gathering = Gathering(self._name, world_size)
        if self._gathering.world_size != world_size:
            message = (
                f"rank {rank} joins the group {self._name!r} with world_size={world_size}, and "
                f"others did with {self._gathering.world_size}"
            )
            raise ValueError(message)
        return self._gathering

    def _takes_members(self) -> bool:
        return self._gathering is None or not self._gathering.ended

    async def _close(self) -> None:
        """Forgets the group that nobody is in; if nobody waits for the next, the actor ends."""
        self._gathering = None
        if not self._waiting:
            self._is_closed = True
            exit_actor()
        async with self._emptied:
            self._emptied.notify_all()


def _join(
    group_name: str, world_size: int, rank: int, timeout_s: float
) -> tuple[Any, aktis.ObjectRefGenerator[int], int]:
    """The actor of the group, the call that lasts as long as the membership, and the ticket."""
    deadline_s = time.monotonic() + timeout_s
    meeting = aktis.remote(
        name=f"collective group {group_name}",
        get_if_exists=True,
        lifetime="detached",
        max_concurrency=CALLS_MAX,
        num_cpus=0,
        scheduling_strategy="DEFAULT",
    )(Meeting)
    while True:
        actor: Any = meeting.remote(group_name)
        left_s = max(0.0, deadline_s - time.monotonic())
        attendance = actor.attend.remote(rank, world_size, left_s)
        try:
            ticket = _ticket(attendance, group_name, left_s + GRACE_S)
        except (ActorDiedError, ClosedError) as error:
            # The last member of an earlier group of the name left just now.
            if time.monotonic() > deadline_s:
                message = f"the actor of an earlier group {group_name!r} did not end in time"
                raise TimeoutError(message) from error
        except TaskError as error:
            raise error.cause from None
        except BaseException:
            # Whoever waits no longer must not be let in later.
            aktis.cancel(attendance)
            raise
        else:
            return actor, attendance, ticket


def _ticket(attendance: aktis.ObjectRefGenerator[int], group_name: str, patience_s: float) -> int:
    """What the call yields once the member is let in."""
    if not aktis.wait([attendance], timeout=patience_s)[0]:
        message = (
            f"the actor in which the group {group_name!r} meets did not begin within "
            f"{patience_s:g} s"
        )
        raise TimeoutError(message)
    return aktis.get(next(attendance))
