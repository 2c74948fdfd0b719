"""The groups that this process is in, and those that it made of actors.

Owns how groups begin and end. Does not own what they do (`operations`), nor which backends there
are (`backends`).
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import aktis
from aktis.exceptions import ActorError, GetTimeoutError, TaskError
from aktis.util.collective.backends import maker_of
from aktis.util.collective.types import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.actor import ActorHandle
    from aktis.util.collective.base_group import BaseGroup

TIMEOUT_MS = 30_000
# How long actors may take to leave a group that could not be made.
LEAVING_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class CommunicatorHandle:
    """A group that this process made of actors.

    Attributes:
        name: The name of the group.
        backend: What carries the arrays.
        actors: The members, by rank.
        id: What tells it from other groups of the name, before and after it.
    """

    name: str
    backend: str
    actors: list[ActorHandle[Any]]
    id: str

    def get_rank(self, actor: ActorHandle[Any]) -> int:
        """Which member an actor is; -1 if it is none."""
        return self.actors.index(actor) if actor in self.actors else -1


def init_collective_group(  # noqa: PLR0917 - Ray's signature
    world_size: int,
    rank: int,
    backend: str = Backend.NCCL,
    group_name: str = "default",
    gloo_timeout: int = TIMEOUT_MS,
) -> None:
    """Makes this process a member of a group; it does not wait for the others.

    Args:
        world_size: How many members the group has.
        rank: Which of them this process is, from 0.
        backend: What carries the arrays; 'gloo' for arrays in memory.
        group_name: By which the members find each other, within a namespace.
        gloo_timeout: How many milliseconds each step waits for the others.

    Raises:
        NotImplementedError: the backend is not there yet.
        RuntimeError: this process is in a group of the name, or another process has the rank.
        TimeoutError: an earlier group of the name has ended, and not all its members destroyed it.
        ValueError: an argument makes no sense, or the others have another `world_size`.
    """
    _join(world_size, rank, backend, group_name, timeout_ms=gloo_timeout, made_as=None)


def create_collective_group(  # noqa: PLR0917 - Ray's signature
    actors: Sequence[ActorHandle[Any]],
    world_size: int,
    ranks: Sequence[int],
    backend: str = Backend.NCCL,
    group_name: str = "default",
    gloo_timeout: int = TIMEOUT_MS,
) -> None:
    """Makes actors a group, and returns once all of them are in it.

    Each of them runs `init_collective_group` between its other calls.

    Args:
        actors: The members.
        world_size: How many there are.
        ranks: The rank of each.
        backend: What carries the arrays; 'gloo' for arrays in memory.
        group_name: The name of the group.
        gloo_timeout: How many milliseconds each step waits for the others.

    Raises:
        NotImplementedError: the backend is not there yet.
        RuntimeError: this process made a group of the name, an actor is in one already, or the
            ranks are not 0 to `world_size` - 1.
        TimeoutError: an actor was busy for longer than `gloo_timeout`; none is in the group then.
    """
    if len(actors) != world_size or sorted(ranks) != list(range(world_size)):
        message = (
            f"a group of world_size={world_size} needs as many actors, each with a rank of its own "
            f"from 0; these are {len(actors)} actors with ranks {list(ranks)}"
        )
        raise RuntimeError(message)
    by_rank = [
        actor for _, actor in sorted(zip(ranks, actors, strict=True), key=lambda pair: pair[0])
    ]
    make_group(by_rank, backend, group_name, gloo_timeout)


def destroy_collective_group(group_name: str = "default") -> None:
    """Leaves a group, which ends it for its other members. Harmless if there is none.

    In the process that made the group of actors, all of them leave it between their other calls,
    and it returns once they have.
    """
    if not aktis.is_initialized():
        return
    with _changed:
        made = _made.pop(_key(group_name), None)
    _leave(group_name)
    if made is not None:
        for left in _leaving(made):
            try:
                aktis.get(left)
            except ActorError:
                # Those that are gone have left.
                continue


def is_group_initialized(group_name: str) -> bool:
    """Whether this process is in a group of the name."""
    return _found(group_name) is not None


def get_rank(group_name: str = "default") -> int:
    """Which member of the group this process is; -1 if it is none."""
    group = _found(group_name)
    return -1 if group is None else group.rank


def get_collective_group_size(group_name: str = "default") -> int:
    """How many members the group has; -1 if this process is none of them."""
    group = _found(group_name)
    return -1 if group is None else group.world_size


def get_group_handle(group_name: str = "default") -> BaseGroup:
    """The group as this process sees it.

    Raises:
        RuntimeError: this process is not in it.
    """
    group = _found(group_name)
    if group is None:
        message = (
            f"this process is in no group {group_name!r}; members call init_collective_group() "
            f"first, or create_collective_group() makes actors one"
        )
        raise RuntimeError(message)
    return group


def make_group(
    actors: Sequence[ActorHandle[Any]], backend: str, name: str, timeout_ms: int
) -> CommunicatorHandle:
    """Makes actors a group, in the order of their ranks; see `create_collective_group`."""
    maker_of(backend)
    key = _key(name)
    if key in _made:
        message = f"this process made a group {name!r} already; destroy that first"
        raise RuntimeError(message)
    made = CommunicatorHandle(name, Backend(backend), list(actors), uuid.uuid4().hex)
    join = partial(_join, timeout_ms=timeout_ms, made_as=made.id)
    joined = [
        _run_in(actor, join, len(actors), rank, backend, name) for rank, actor in enumerate(actors)
    ]
    with ExitStack() as undone:
        undone.callback(_give_up, made)
        _wait_until_joined(name, joined, timeout_ms)
        undone.pop_all()
    _made[key] = made
    return made


def made_groups() -> list[CommunicatorHandle]:
    """The groups that this process made of actors, in this session and namespace."""
    if not aktis.is_initialized():
        return []
    return [made for key, made in _made.items() if key == _key(made.name)]


class _Membership(NamedTuple):
    """A group that this process is in, and as which group of actors it was made, if as one."""

    group: BaseGroup
    made_as: str | None


def _join(
    world_size: int,
    rank: int,
    backend: str,
    group_name: str,
    *,
    timeout_ms: int,
    made_as: str | None,
) -> None:
    """Makes this process a member of a group; see `init_collective_group`."""
    _check_init(world_size, rank, group_name, timeout_ms)
    make = maker_of(backend)
    options = {"gloo_timeout": timeout_ms} if Backend(backend) == Backend.GLOO else {}
    key = _key(group_name)
    with _changed:
        if key in _groups or key in _joining:
            message = (
                f"this process is in a group {group_name!r} already; destroy that first, or take "
                f"another name"
            )
            raise RuntimeError(message)
        _joining.add(key)
    try:
        _groups[key] = _Membership(make(world_size, rank, group_name, **options), made_as)
    finally:
        with _changed:
            _joining.remove(key)
            _changed.notify_all()


def _leave(group_name: str, made_as: str | None = None) -> None:
    """Has this process leave a group; the one that was made so, if that is said."""
    key = _key(group_name)
    with _changed:
        _changed.wait_for(lambda: key not in _joining)
        found = _groups.get(key)
        if found is None or made_as not in {None, found.made_as}:
            return
        del _groups[key]
    found.group.destroy_group()


def _wait_until_joined(name: str, joined: list[aktis.ObjectRef[None]], timeout_ms: int) -> None:
    """Returns once all actors have joined; raises what one of them raised, or that some did not."""
    try:
        aktis.get(joined, timeout=timeout_ms / 1000)
    except GetTimeoutError:
        _, missing = aktis.wait(joined, num_returns=len(joined), timeout=0)
        ranks = [rank for rank, ref in enumerate(joined) if ref in missing]
        message = (
            f"the group {name!r} was not made within {timeout_ms / 1000:g} s: its ranks {ranks} "
            f"did not join it; their actors run other calls, or do not run yet"
        )
        raise TimeoutError(message) from None
    except TaskError as error:
        raise error.cause from None


def _give_up(made: CommunicatorHandle) -> None:
    """Has those leave that joined a group which could not be made, and those that join it late."""
    leaving = _leaving(made)
    aktis.wait(leaving, num_returns=len(leaving), timeout=LEAVING_S)


def _leaving(made: CommunicatorHandle) -> list[aktis.ObjectRef[None]]:
    """Has all members leave."""
    return [_run_in(actor, _leave, made.name, made.id) for actor in made.actors]


def _run_in(actor: Any, function: Any, *args: Any) -> aktis.ObjectRef[Any]:
    """Has an actor run a function between its calls."""
    ref: aktis.ObjectRef[Any] = actor.__aktis_call__.remote(_without_instance, function, *args)
    return ref


def _without_instance(_instance: object, function: Any, *args: Any) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function(*args)
    # What waits would keep all other calls of an async actor from going on.
    return asyncio.to_thread(function, *args)


def _check_init(world_size: int, rank: int, group_name: str, timeout_ms: int) -> None:
    if not group_name:
        message = f"group_name must be a string that is not empty, not {group_name!r}"
        raise ValueError(message)
    if world_size < 1 or not 0 <= rank < world_size:
        message = (
            f"rank={rank} and world_size={world_size} make no sense: ranks go from 0 to the size "
            f"less one"
        )
        raise ValueError(message)
    if timeout_ms <= 0:
        message = f"gloo_timeout must be more than 0 milliseconds, not {timeout_ms}"
        raise ValueError(message)


def _found(group_name: str) -> BaseGroup | None:
    """The group of the name that this process is in; whoever asks begins no session."""
    found = _groups.get(_key(group_name)) if aktis.is_initialized() else None
    return None if found is None else found.group


def _key(group_name: str) -> tuple[str, str, str]:
    """A group is found within a session and a namespace; a process may see several of them."""
    here = aktis.get_runtime_context()
    return here.get_session_name(), here.namespace, group_name


# Guards what follows, and is notified once a process has joined a group, or has failed to.
_changed = threading.Condition()
_joining: set[tuple[str, str, str]] = set()
_groups: dict[tuple[str, str, str], _Membership] = {}
_made: dict[tuple[str, str, str], CommunicatorHandle] = {}
