"""What every backend is: one member's side of a group.

Owns the interface, which is Ray's: tensors come in lists of one, and options in an object. Does not
own which backends there are (`backends`), nor the checks of what a program gives (`operations`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aktis.util.collective import types


class BaseGroup(ABC):
    """A group as one of its members sees it; a backend of one's own derives from it."""

    def __init__(self, world_size: int, rank: int, group_name: str) -> None:
        """Joins the group.

        Args:
            world_size: How many members it has.
            rank: Which of them this process is, from 0.
            group_name: Its name, the same for all members.
        """
        self._world_size = world_size
        self._rank = rank
        self._group_name = group_name

    @property
    def rank(self) -> int:
        """Which member this process is."""
        return self._rank

    @property
    def world_size(self) -> int:
        """How many members the group has."""
        return self._world_size

    @property
    def group_name(self) -> str:
        """The name of the group."""
        return self._group_name

    @classmethod
    @abstractmethod
    def check_backend_availability(cls) -> bool:
        """Whether this process has what the backend needs."""

    def destroy_group(self) -> None:  # noqa: B027 - most backends have nothing to give up
        """Leaves the group and gives up what it holds."""

    @abstractmethod
    def allreduce(self, tensor: list[Any], allreduce_options: types.AllReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the tensor."""

    @abstractmethod
    def barrier(self, barrier_options: types.BarrierOptions) -> None:
        """Waits until all members are here."""

    @abstractmethod
    def reduce(self, tensor: list[Any], reduce_options: types.ReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the root's."""

    @abstractmethod
    def allgather(
        self,
        tensor_list: list[list[Any]],
        tensor: list[Any],
        allgather_options: types.AllGatherOptions,
    ) -> None:
        """Puts each member's tensor into its place of the list."""

    @abstractmethod
    def broadcast(self, tensor: list[Any], broadcast_options: types.BroadcastOptions) -> None:
        """Puts the root's tensor into the tensors of the others."""

    @abstractmethod
    def reducescatter(
        self,
        tensor: list[Any],
        tensor_list: list[list[Any]],
        reducescatter_options: types.ReduceScatterOptions,
    ) -> None:
        """Puts what all members' tensors at this rank's place reduce to into the tensor."""

    @abstractmethod
    def send(self, tensor: list[Any], send_options: types.SendOptions) -> None:
        """Gives a tensor to one member."""

    @abstractmethod
    def recv(self, tensor: list[Any], recv_options: types.RecvOptions) -> None:
        """Puts what one member sent into the tensor."""
