"""Actors that are a group of `aktis.util.collective`.

Owns how the tests of groups make one. Does not own for how long it lasts (`make_group`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aktis
from aktis.exceptions import ActorDiedError
from aktis.util import collective as col


class Group:
    """Actors that are a group, and what they do together."""

    def __init__(self, members: list[Any], name: str, timeout_ms: int = 30_000) -> None:
        self.name = name
        self.members = members
        aktis.get([self.join(rank, timeout_ms) for rank in range(len(members))])

    def join(self, rank: int, timeout_ms: int = 30_000) -> Any:
        """Has an actor join the group."""
        return self.members[rank].call.remote(
            col.init_collective_group, len(self.members), rank, "gloo", self.name, timeout_ms
        )

    def run(self, function: Callable[[int], Any]) -> list[Any]:
        """What the function gives in each member, called with its rank."""
        return aktis.get(
            [member.call.remote(function, rank) for rank, member in enumerate(self.members)]
        )


@aktis.remote(num_cpus=0)
class Member:
    """Does what it is told."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls a function in this process."""
        return function(*args)


def left(member: Any, name: str) -> bool:
    """Has an actor leave its group; whether it lives."""
    try:
        aktis.get(member.call.remote(col.destroy_collective_group, name))
    except ActorDiedError:
        return False
    return True
