"""Where the members of a group meet: who is there, who waits for whom, and what goes between them.

Owns the rounds, the letters, and how a group ends. Does not own processes (`meeting`), nor what is
in a parcel (`exchange`): bytes, or a ref to an array that stays in shared memory.

A group works in rounds. In a round every member says what it calls and brings a parcel for each
member, and when all are there each gets the parcels that are for it. A member takes part in one
round at a time, so that a round needs no number. A group ends once a member is gone or one waited
too long, since the others would be out of step: whoever waits is told, and whoever comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from aktis.util.collective.types import CallsDifferError, GroupEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

# What a member brings to a round: see `Gathering.exchange`.
Parcels = bytes | list[Any] | None

# How many letters from one member to one other may be under way; the next sender waits.
LETTERS_MAX = 64


class Gathering:
    """One group, for as long as it lasts; all its waits are on one loop.

    Attributes:
        world_size: How many members it has.
        present: The ranks that are there.
    """

    def __init__(self, name: str, world_size: int) -> None:
        self.world_size = world_size
        self.present: set[int] = set()
        self._name = name
        self._joined: set[int] = set()
        self._round = _Round()
        self._letters: dict[tuple[int, int], deque[Any]] = {}
        self._changed = asyncio.Condition()
        self._why_ended: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it can do nothing more."""
        return self._why_ended is not None

    def enter(self, rank: int) -> None:
        """Lets a member in.

        Raises:
            RuntimeError: another process has the rank.
        """
        if rank in self.present:
            message = f"rank {rank} of the group {self._name!r} belongs to another process"
            raise RuntimeError(message)
        self.present.add(rank)
        self._joined.add(rank)

    async def leave(self, rank: int, *, how: str) -> None:
        """Lets a member out, which ends the group."""
        self.present.discard(rank)
        await self._end(f"rank {rank} {how}")

    async def exchange(
        self, rank: int, call: str, brought: Parcels, timeout_s: float
    ) -> bytes | list[Any]:
        """Takes part in a round, and returns what came.

        Args:
            rank: Who comes.
            call: What it calls, the same words for all.
            brought: What it brings: bytes, if each is to get the bytes of all in a row; or parcels
                by the rank they are for, if each is to get those for it by the rank they are from;
                None is nothing for anybody.
            timeout_s: How long it waits for the others.

        Raises:
            GroupEndedError: a member is gone.
            TimeoutError: some did not come.
            CallsDifferError: the members call different things.
        """
        self._check_lasts()
        here = self._round
        if rank in here.calls:
            await self._end(f"rank {rank} broke off {here.calls[rank]}")
            self._check_lasts()
        here.calls[rank] = call
        here.brought[rank] = brought
        if len(here.calls) == self.world_size:
            self._round = _Round()
            here.full.set()
        try:
            async with asyncio.timeout(timeout_s):
                await here.full.wait()
        except TimeoutError:
            if not here.full.is_set():
                raise TimeoutError(await self._give_up(rank, call, here, timeout_s)) from None
        if len(here.calls) < self.world_size:
            self._check_lasts()
        self._check_same(here)
        return here.for_member(rank)

    async def send(self, source: int, target: int, letter: Any, timeout_s: float) -> None:
        """Leaves a letter for a member, once there is room.

        Raises:
            GroupEndedError: a member is gone.
            TimeoutError: the member does not take its letters.
        """
        letters = self._letters.setdefault((source, target), deque())
        has_room = await self._wait(lambda: len(letters) < LETTERS_MAX or self.ended, timeout_s)
        self._check_lasts()
        if not has_room:
            message = (
                f"rank {source} of the group {self._name!r} waited {timeout_s:g} s to send: rank "
                f"{target} has {LETTERS_MAX} letters of it that it did not receive"
            )
            raise TimeoutError(message)
        letters.append(letter)
        await self._tell()

    async def receive(self, source: int, target: int, timeout_s: float) -> Any:
        """Takes the oldest letter of a member, once there is one; those of one that left, too.

        Raises:
            GroupEndedError: a member is gone.
            TimeoutError: the member sent nothing.
        """
        letters = self._letters.setdefault((source, target), deque())
        is_there = await self._wait(lambda: bool(letters) or self.ended, timeout_s)
        if letters:
            letter = letters.popleft()
            await self._tell()
            return letter
        self._check_lasts()
        assert not is_there, "a letter was there, and nobody else takes it"
        message = (
            f"rank {target} of the group {self._name!r} waited {timeout_s:g} s to receive: rank "
            f"{source} {'sent nothing' if source in self._joined else 'has not joined the group'}"
        )
        raise TimeoutError(message)

    async def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                return await self._changed.wait_for(condition)
        except TimeoutError:
            return False

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _give_up(self, rank: int, call: str, here: _Round, timeout_s: float) -> str:
        """Ends the group, in which a member waited in vain; what to tell it."""
        missing = [other for other in range(self.world_size) if other not in here.calls]
        strangers = [other for other in missing if other not in self._joined]
        waited = f"waited {timeout_s:g} s in {call} for {_ranks(missing)}"
        if strangers:
            waited += f"; {_ranks(strangers)} did not join the group"
        await self._end(f"rank {rank} {waited}")
        return f"rank {rank} of the group {self._name!r} {waited}; {_REMEDY}"

    async def _end(self, why: str) -> None:
        if not self.ended:
            self._why_ended = why
            self._round.full.set()
            await self._tell()

    def _check_lasts(self) -> None:
        if self.ended:
            message = f"the group {self._name!r} has ended: {self._why_ended}; {_REMEDY}"
            raise GroupEndedError(message)

    def _check_same(self, here: _Round) -> None:
        ranks_by_call: dict[str, list[int]] = {}
        for rank, call in sorted(here.calls.items()):
            ranks_by_call.setdefault(call, []).append(rank)
        if len(ranks_by_call) > 1:
            told = ", ".join(f"{_ranks(ranks)} {call}" for call, ranks in ranks_by_call.items())
            message = f"the members of the group {self._name!r} call different things: {told}"
            raise CallsDifferError(message)


_REMEDY = "let all members destroy it and make it again"


class _Round:
    """What the members call and bring; `full` is set once all are there, or the group ends."""

    def __init__(self) -> None:
        self.calls: dict[int, str] = {}
        self.brought: dict[int, Any] = {}
        self.full = asyncio.Event()

    def for_member(self, rank: int) -> bytes | list[Any]:
        """What a member gets."""
        in_order = [brought for _, brought in sorted(self.brought.items())]
        if isinstance(in_order[rank], bytes):
            return b"".join(in_order)
        return [brought and brought[rank] for brought in in_order]


def _ranks(ranks: list[int]) -> str:
    return f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {', '.join(map(str, ranks))}"
