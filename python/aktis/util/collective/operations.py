"""What the members of a group do together, as functions.

Owns the public form and the checks of ranks and lists. Does not own how it is done (the backends),
nor groups (`membership`).

All members call the same operations in the same order, with arrays of one size and type. An
operation changes the tensor in place, and returns once this member is done. It raises
`GroupEndedError` if a member is gone, `TimeoutError` if one did not come in time, and
`CallsDifferError`, which is a `ValueError`, if the members call different things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from aktis.util.collective import types
from aktis.util.collective.membership import get_group_handle
from aktis.util.collective.types import ReduceOp

if TYPE_CHECKING:
    from aktis.util.collective.base_group import BaseGroup


def allreduce(tensor: Any, group_name: str = "default", op: ReduceOp = ReduceOp.SUM) -> None:
    """Puts what all members' tensors reduce to into the tensor, the same bits for all."""
    get_group_handle(group_name).allreduce([tensor], types.AllReduceOptions(op))


def barrier(group_name: str = "default") -> None:
    """Waits until all members are here."""
    get_group_handle(group_name).barrier(types.BarrierOptions())


def reduce(
    tensor: Any, dst_rank: int = 0, group_name: str = "default", op: ReduceOp = ReduceOp.SUM
) -> None:
    """Puts what all members' tensors reduce to into the tensor of `dst_rank`, and only there."""
    group = _group_with(dst_rank, group_name)
    group.reduce([tensor], types.ReduceOptions(op, dst_rank))


def broadcast(tensor: Any, src_rank: int = 0, group_name: str = "default") -> None:
    """Puts the tensor of `src_rank` into the tensors of the others."""
    _group_with(src_rank, group_name).broadcast([tensor], types.BroadcastOptions(src_rank))


def allgather(tensor_list: list[Any], tensor: Any, group_name: str = "default") -> None:
    """Puts the tensor of each member into `tensor_list`, at the place of its rank."""
    _check_list(tensor_list)
    group = get_group_handle(group_name)
    group.allgather([tensor_list], [tensor], types.AllGatherOptions())


def reducescatter(
    tensor: Any, tensor_list: list[Any], group_name: str = "default", op: ReduceOp = ReduceOp.SUM
) -> None:
    """Puts into the tensor what the tensors at this rank's place of all lists reduce to."""
    _check_list(tensor_list)
    group = get_group_handle(group_name)
    group.reducescatter([tensor], [tensor_list], types.ReduceScatterOptions(op))


def send(tensor: Any, dst_rank: int, group_name: str = "default") -> None:
    """Gives a tensor to one member; it waits only if that one lags behind by many of them."""
    group = _group_with(dst_rank, group_name, peer=True)
    group.send([tensor], types.SendOptions(dst_rank))


def recv(tensor: Any, src_rank: int, group_name: str = "default") -> None:
    """Puts into the tensor what one member sent, the oldest first."""
    group = _group_with(src_rank, group_name, peer=True)
    group.recv([tensor], types.RecvOptions(src_rank))


def allreduce_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("allreduce")


def reduce_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("reduce")


def broadcast_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("broadcast")


def allgather_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("allgather")


def reducescatter_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("reducescatter")


def send_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("send")


def recv_multigpu(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises: a member has one tensor here."""
    _refuse("recv")


def _refuse(name: str) -> NoReturn:
    message = (
        f"{name}_multigpu() takes tensors on several GPUs of one process, and aktis has no backend "
        f"that moves them yet; {name}() takes one tensor in memory"
    )
    raise NotImplementedError(message)


def _group_with(rank: int, group_name: str, *, peer: bool = False) -> BaseGroup:
    """The group, in which there is this rank; as a peer, it is not the caller's own."""
    group = get_group_handle(group_name)
    if not 0 <= rank < group.world_size:
        message = f"the group {group_name!r} has ranks 0 to {group.world_size - 1}, not {rank}"
        raise ValueError(message)
    if peer and rank == group.rank:
        message = f"rank {rank} is this process itself; it sends to others and receives from them"
        raise RuntimeError(message)
    return group


def _check_list(tensor_list: object) -> None:
    if not isinstance(tensor_list, list):
        message = f"tensor_list must be a list of tensors, not {type(tensor_list).__name__}"
        raise TypeError(message)
