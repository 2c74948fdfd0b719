"""Groups of actors as handles, and collective operations as nodes of a graph.

Owns the public form. Does not own groups and operations (`aktis.util.collective`), nor how a graph
runs (`aktis.dag`).

In a graph no group is needed: `allreduce.bind(nodes)` is, for each actor, a call that takes the
results of all. The results stay in shared memory, and each actor reads them there.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from aktis.dag.collective_node import CollectiveOutputNode, actor_of
from aktis.util.collective import membership, operations
from aktis.util.collective.membership import CommunicatorHandle
from aktis.util.collective.types import Backend, ReduceOp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aktis.actor import ActorHandle
    from aktis.dag.dag_node import DAGNode

__all__ = [
    "CommunicatorHandle",
    "allgather",
    "allreduce",
    "create_collective_group",
    "destroy_all_collective_groups",
    "destroy_collective_group",
    "get_collective_groups",
    "reducescatter",
]

Nodes = list[CollectiveOutputNode]


def create_collective_group(
    actors: Sequence[ActorHandle[Any]], backend: str, name: str | None = None
) -> CommunicatorHandle:
    """Makes actors a group, in the order of their ranks, and returns once all of them are in it.

    Args:
        actors: The members.
        backend: What carries the arrays; 'gloo' for arrays in memory.
        name: The name of the group; one of its own if it is None.

    Raises:
        NotImplementedError: the backend is not there yet.
        RuntimeError: this process made a group of the name, or an actor is in one already.
        ValueError: an actor is there twice.
    """
    if len(set(actors)) != len(actors):
        message = f"an actor can be in a group once, and these are {list(actors)}"
        raise ValueError(message)
    return membership.make_group(actors, backend, name or uuid.uuid4().hex, membership.TIMEOUT_MS)


def get_collective_groups(
    actors: Sequence[ActorHandle[Any]], backend: str | None = None
) -> list[CommunicatorHandle]:
    """The groups that this process made in which all of these actors are.

    Args:
        actors: Whom to look for.
        backend: If it is not None, only groups with this backend count.
    """
    wanted = None if backend is None else Backend(backend)
    return [
        made
        for made in membership.made_groups()
        if set(actors) <= set(made.actors) and wanted in {None, made.backend}
    ]


def destroy_collective_group(group_or_name: CommunicatorHandle | str) -> None:
    """Has all members leave a group that this process made, and returns once they have.

    Raises:
        ValueError: this process made no such group.
    """
    name = group_or_name if isinstance(group_or_name, str) else group_or_name.name
    if name not in {made.name for made in membership.made_groups()}:
        message = f"this process made no group {name!r} of actors, or destroyed it before"
        raise ValueError(message)
    membership.destroy_collective_group(name)


def destroy_all_collective_groups() -> None:
    """Destroys all groups that this process made of actors."""
    for made in membership.made_groups():
        destroy_collective_group(made)


class _AllReduce:
    """Puts, or gives, what all tensors reduce to."""

    def bind(
        self,
        input_nodes: Sequence[Any],
        op: ReduceOp = ReduceOp.SUM,
        transport: object = None,
    ) -> Any:
        """Binds calls of several actors: each gets the reduction of all their results.

        Args:
            input_nodes: A call of each actor; or lists of such, each reduced by itself.
            op: How to reduce.
            transport: None; between devices there is none yet.

        Returns:
            As many nodes as there are calls, in the same form.
        """
        if input_nodes and isinstance(input_nodes[0], list | tuple):
            return [self.bind(nodes, op, transport) for nodes in input_nodes]
        return _bound(partial(_reduced, op), input_nodes, "allreduce", transport)

    def __call__(
        self, tensor: Any, group_name: str = "default", op: ReduceOp = ReduceOp.SUM
    ) -> None:
        """Reduces within a group: see `aktis.util.collective.allreduce`."""
        operations.allreduce(tensor, group_name, op)


class _AllGather:
    """Puts, or gives, all tensors."""

    def bind(self, input_nodes: Sequence[DAGNode], transport: object = None) -> Nodes:
        """Binds calls of several actors: each gets all results, joined along the first dimension.

        Args:
            input_nodes: A call of each actor.
            transport: None; between devices there is none yet.
        """
        return _bound(_gathered, input_nodes, "allgather", transport)

    def __call__(self, tensor_list: list[Any], tensor: Any, group_name: str = "default") -> None:
        """Gathers within a group: see `aktis.util.collective.allgather`."""
        operations.allgather(tensor_list, tensor, group_name)


class _ReduceScatter:
    """Puts, or gives, a part of what all tensors reduce to."""

    def bind(
        self,
        input_nodes: Sequence[DAGNode],
        op: ReduceOp = ReduceOp.SUM,
        transport: object = None,
    ) -> Nodes:
        """Binds calls of several actors: each gets its part of the reduction of all results.

        The first dimension is cut into as many parts as there are actors.

        Args:
            input_nodes: A call of each actor.
            op: How to reduce.
            transport: None; between devices there is none yet.
        """
        return _bound(partial(_scattered, op), input_nodes, "reducescatter", transport)

    def __call__(
        self,
        tensor: Any,
        tensor_list: list[Any],
        group_name: str = "default",
        op: ReduceOp = ReduceOp.SUM,
    ) -> None:
        """Reduces within a group: see `aktis.util.collective.reducescatter`."""
        operations.reducescatter(tensor, tensor_list, group_name, op)


allgather = _AllGather()
allreduce = _AllReduce()
reducescatter = _ReduceScatter()


def _bound(
    function: Callable[..., Any], inputs: Sequence[DAGNode], name: str, transport: object
) -> Nodes:
    if transport is not None:
        message = (
            f"{name}.bind() has no transports between devices yet; leave transport out, and arrays "
            f"travel through shared memory"
        )
        raise NotImplementedError(message)
    actors = [actor_of(node) for node in inputs]
    if not actors or len(set(actors)) != len(actors):
        message = f"{name}.bind() takes one call of each of several actors, not {list(inputs)}"
        raise ValueError(message)
    return [CollectiveOutputNode(function, inputs, rank, name=name) for rank in range(len(inputs))]


def _reduced(op: ReduceOp, _instance: object, rank: int, *tensors: Any) -> Any:
    from aktis.util.collective import arrays

    return arrays.like(tensors[rank], arrays.reduced(tensors, op))


def _gathered(_instance: object, rank: int, *tensors: Any) -> Any:
    from aktis.util.collective import arrays

    return arrays.like(tensors[rank], arrays.joined(tensors))


def _scattered(op: ReduceOp, _instance: object, rank: int, *tensors: Any) -> Any:
    from aktis.util.collective import arrays

    return arrays.like(tensors[rank], arrays.part(arrays.reduced(tensors, op), rank, len(tensors)))
