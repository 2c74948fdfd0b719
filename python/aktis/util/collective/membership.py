"""The groups that this process is in, and those that it made of actors.

Owns how groups begin and end. Does not own what they do (`operations`), nor which backends there
are (`backends`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aktis
from aktis.exceptions import ActorError, TaskError
from aktis.util.collective.backends import maker_of
from aktis.util.collective.types import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.actor import ActorHandle
    from aktis.util.collective.base_group import BaseGroup

TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True, eq=False)
class CommunicatorHandle:
    """A group that this process made of actors.

    Attributes:
        name: The name of the group.
        backend: What carries the arrays.
        actors: The members, by rank.
    """

    name: str
    backend: str
    actors: list[ActorHandle[Any]]

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
    _check_init(world_size, rank, group_name, gloo_timeout)
    make = maker_of(backend)
    key = _key(group_name)
    with _lock:
        if key in _groups:
            message = (
                f"this process is in a group {group_name!r} already; destroy that first, or take "
                f"another name"
            )
            raise RuntimeError(message)
        options = {"gloo_timeout": gloo_timeout} if Backend(backend) == Backend.GLOO else {}
        _groups[key] = make(world_size, rank, group_name, **options)


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
        TimeoutError: an actor was busy for longer than `gloo_timeout`.
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

    In the process that made the group of actors, all of them leave it.
    """
    if not aktis.is_initialized():
        return
    key = _key(group_name)
    with _lock:
        group = _groups.pop(key, None)
        made = _made.pop(key, None)
    if group is not None:
        group.destroy_group()
    if made is not None:
        _dissolve(made)


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
    made = CommunicatorHandle(name, Backend(backend), list(actors))
    joined = [
        _run_in(actor, init_collective_group, len(actors), rank, backend, name, timeout_ms)
        for rank, actor in enumerate(actors)
    ]
    try:
        aktis.get(joined, timeout=timeout_ms / 1000)
    except BaseException as error:
        _dissolve(made)
        if isinstance(error, TaskError):
            raise error.cause from None
        raise
    _made[key] = made
    return made


def made_groups() -> list[CommunicatorHandle]:
    """The groups that this process made of actors, in this session and namespace."""
    if not aktis.is_initialized():
        return []
    return [made for key, made in _made.items() if key == _key(made.name)]


def _dissolve(made: CommunicatorHandle) -> None:
    """Has all members leave; those that are gone have."""
    for left in [_run_in(actor, destroy_collective_group, made.name) for actor in made.actors]:
        try:
            aktis.get(left)
        except ActorError:
            continue


def _run_in(actor: Any, function: Any, *args: Any) -> aktis.ObjectRef[Any]:
    """Has an actor run a function between its calls."""
    ref: aktis.ObjectRef[Any] = actor.__aktis_call__.remote(_without_instance, function, *args)
    return ref


def _without_instance(_instance: object, function: Any, *args: Any) -> Any:
    return function(*args)


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
    return _groups.get(_key(group_name)) if aktis.is_initialized() else None


def _key(group_name: str) -> tuple[str, str, str]:
    """A group is found within a session and a namespace; a process may see several of them."""
    here = aktis.get_runtime_context()
    return here.get_session_name(), here.namespace, group_name


_lock = threading.Lock()
_groups: dict[tuple[str, str, str], BaseGroup] = {}
_made: dict[tuple[str, str, str], CommunicatorHandle] = {}
