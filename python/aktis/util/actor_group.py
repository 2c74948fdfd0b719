"""Actors of one class that are called together.

Owns the group: how many actors it has, and that a call goes to all. Does not own actors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aktis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aktis.actor import ActorHandle
    from aktis.types import ObjectRef


@dataclass(frozen=True, slots=True)
class ActorWrapper:
    """An actor of a group.

    Attributes:
        actor: Its handle.
        metadata: What its method `get_actor_metadata` gave, if its class has one.
    """

    actor: ActorHandle[Any]
    metadata: Any


class ActorGroup:
    """So many actors of one class: `group.method.remote(...)` calls all of them.

    Attributes:
        actors: The actors, each with its metadata; without any, the group is shut down.
        num_actors: How many actors `start` makes.
    """

    def __init__(  # noqa: PLR0917 - Ray's signature
        self,
        actor_cls: type,
        num_actors: int = 1,
        num_cpus_per_actor: float = 1,
        num_gpus_per_actor: float = 0,
        resources_per_actor: Mapping[str, float] | None = None,
        init_args: Sequence[Any] | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes the actors, and waits for their metadata if their class has any.

        Args:
            actor_cls: The class, which is a plain one.
            num_actors: How many actors to make.
            num_cpus_per_actor: How many CPUs each of them holds.
            num_gpus_per_actor: How many GPUs each of them holds.
            resources_per_actor: What else each of them holds.
            init_args: Arguments of the constructor by place.
            init_kwargs: Arguments of the constructor by name.

        Raises:
            ValueError: a number makes no sense.
        """
        if num_actors < 1:
            message = f"num_actors must be 1 or more, not {num_actors}"
            raise ValueError(message)
        if num_cpus_per_actor < 0 or num_gpus_per_actor < 0:
            message = (
                f"num_cpus_per_actor and num_gpus_per_actor must be 0 or more, not "
                f"{num_cpus_per_actor} and {num_gpus_per_actor}"
            )
            raise ValueError(message)
        self.actors: list[ActorWrapper] = []
        self.num_actors = num_actors
        self._args = tuple(init_args or ())
        self._kwargs = dict(init_kwargs or {})
        self._has_metadata = hasattr(actor_cls, "get_actor_metadata")
        self._actor_class: Any = aktis.remote(
            num_cpus=num_cpus_per_actor,
            num_gpus=num_gpus_per_actor,
            resources=dict(resources_per_actor or {}),
        )(actor_cls)
        self.start()

    def __len__(self) -> int:
        return len(self.actors)

    def __getitem__(self, index: int) -> ActorWrapper:
        return self.actors[index]

    def __getattr__(self, name: str) -> ActorGroupMethod:
        if name.startswith("_"):
            message = f"{type(self).__name__} has no attribute {name!r}"
            raise AttributeError(message)
        if not self.actors:
            message = f"the group has no actors to call {name!r} on: it was shut down; start() it"
            raise RuntimeError(message)
        return ActorGroupMethod(name, [getattr(one.actor, name) for one in self.actors])

    @property
    def actor_metadata(self) -> list[Any]:
        """The metadata of each actor."""
        return [one.metadata for one in self.actors]

    def start(self) -> None:
        """Makes the actors anew, after `shutdown`.

        Raises:
            RuntimeError: the group has actors.
        """
        if self.actors:
            message = f"the group has {len(self.actors)} actors already; shutdown() ends them"
            raise RuntimeError(message)
        self.add_actors(self.num_actors)

    def add_actors(self, num_actors: int) -> None:
        """Makes more actors."""
        made = [self._actor_class.remote(*self._args, **self._kwargs) for _ in range(num_actors)]
        metadata = [None] * num_actors
        if self._has_metadata:
            metadata = aktis.get([actor.get_actor_metadata.remote() for actor in made])
        self.actors += map(ActorWrapper, made, metadata)

    def remove_actors(self, actor_indexes: Sequence[int]) -> None:
        """Leaves actors out from now on; they end once nobody has a handle."""
        self.actors = [
            one for index, one in enumerate(self.actors) if index not in set(actor_indexes)
        ]

    def shutdown(self, patience_s: float = 5) -> None:
        """Ends the actors.

        Args:
            patience_s: How long their calls may take; then they are ended all the same. With 0 they
                are ended at once.
        """
        actors: list[Any] = [one.actor for one in self.actors]
        self.actors = []
        ending = {actor.__aktis_terminate__.remote(): actor for actor in actors if patience_s > 0}
        left = list(actors)
        if ending:
            _, waiting = aktis.wait(list(ending), num_returns=len(ending), timeout=patience_s)
            left = [ending[ref] for ref in waiting]
        for actor in left:
            aktis.kill(actor)


class ActorGroupMethod:
    """A method of all actors of a group."""

    def __init__(self, name: str, methods: list[Any]) -> None:
        self._name = name
        self._methods = methods

    def remote(self, *args: Any, **kwargs: Any) -> list[ObjectRef[Any]]:
        """Calls the method of each actor, and returns a ref to the result of each."""
        return [method.remote(*args, **kwargs) for method in self._methods]

    def __call__(self, *_args: Any, **_kwargs: Any) -> None:
        """Raises: a method of actors has no direct call."""
        message = f"call {self._name}.remote(...) instead of {self._name}(...): actors run it"
        raise TypeError(message)
