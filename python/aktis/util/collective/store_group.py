"""The backend for arrays in memory: members meet in an actor, and arrays go through shared memory.

Owns the algorithms. Does not own who meets whom (`gathering`), nor what a tensor is (`arrays`).

What reduces takes one round if there are two members, or little to read: each reads what all have.
Otherwise it goes in two steps, as Rabenseifner describes it (Optimization of Collective Reduction
Operations, ICCS 2004): each member reduces one part of the array for all, and then all gather the
parts. So a member touches three times the array at most, however many members there are.

Whoever reduces does it in the order of ranks, so that all members get the same bits.

Long arrays go in segments, so that the store holds a limited part of them at a time.
"""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from aktis.util.collective import types
from aktis.util.collective.arrays import (
    Array,
    array_of,
    check_like,
    check_reducible,
    described,
    outcome_of,
    reduce_into,
)
from aktis.util.collective.base_group import BaseGroup
from aktis.util.collective.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

# How much all members together have if each reads it all; beyond it, a second round costs less.
READ_BY_ALL_BYTES_MAX = 1024**2
# How much of an array is under way at once.
SEGMENT_BYTES_MAX = 64 * 1024**2


class StoreGroup(BaseGroup):
    """One member's side of a group whose arrays lie in memory."""

    def __init__(
        self, world_size: int, rank: int, group_name: str, gloo_timeout: int = 30_000
    ) -> None:
        """Joins the group.

        Args:
            world_size: How many members it has.
            rank: Which of them this process is, from 0.
            group_name: Its name, the same for all members.
            gloo_timeout: How many milliseconds a member waits for the others, in every step.
        """
        super().__init__(world_size, rank, group_name)
        self._exchange = Exchange(group_name, world_size, rank, gloo_timeout / 1000)
        self._turn = threading.Lock()

    @classmethod
    def check_backend_availability(cls) -> bool:
        """True: this module could not be loaded without NumPy."""
        return True

    def destroy_group(self) -> None:
        """Leaves the group, which ends it for the others."""
        self._exchange.leave()

    def allreduce(self, tensor: list[Any], allreduce_options: types.AllReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the tensor."""
        op = allreduce_options.reduceOp
        array = outcome_of(tensor[0])
        check_reducible(array, op)
        call = f"allreduce({op.name}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for segment in _segments(flat):
                self._allreduce(segment, op, call)

    def reduce(self, tensor: list[Any], reduce_options: types.ReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the root's; the others stay as they are."""
        op, root = reduce_options.reduceOp, reduce_options.root_rank
        is_root = self.rank == root
        array = outcome_of(tensor[0]) if is_root else array_of(tensor[0])
        check_reducible(array, op)
        call = f"reduce({op.name}, dst_rank={root}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for segment in _segments(flat):
                self._reduce(segment, op, call, root)

    def barrier(self, barrier_options: types.BarrierOptions) -> None:  # noqa: ARG002 - it has none
        """Waits until all members are here."""
        with self._operation():
            self._exchange.meet("barrier()")

    def broadcast(self, tensor: list[Any], broadcast_options: types.BroadcastOptions) -> None:
        """Puts the root's tensor into the tensors of the others."""
        root = broadcast_options.root_rank
        is_root = self.rank == root
        array = array_of(tensor[0]) if is_root else outcome_of(tensor[0])
        call = f"broadcast(src_rank={root}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for segment in _segments(flat):
                came = self._exchange.of_root(call, segment, root)
                if not is_root:
                    np.copyto(segment, came)

    def allgather(
        self,
        tensor_list: list[list[Any]],
        tensor: list[Any],
        allgather_options: types.AllGatherOptions,  # noqa: ARG002 - it has none
    ) -> None:
        """Puts each member's tensor into its place of the list."""
        array = array_of(tensor[0])
        outcomes = [outcome_of(one) for one in tensor_list[0]]
        self._check_places(array, outcomes)
        call = f"allgather() {described(array)}"
        with self._operation(), _all_flat(outcomes) as targets:
            rows = zip(_segments(_elements(array)), *map(_segments, targets), strict=True)
            for segment, *places in rows:
                for place, came in zip(places, self._exchange.of_all(call, segment), strict=True):
                    np.copyto(place, came)

    def reducescatter(
        self,
        tensor: list[Any],
        tensor_list: list[list[Any]],
        reducescatter_options: types.ReduceScatterOptions,
    ) -> None:
        """Puts what all members' tensors at this rank's place reduce to into the tensor."""
        op = reducescatter_options.reduceOp
        array = outcome_of(tensor[0])
        given = [array_of(one) for one in tensor_list[0]]
        self._check_places(array, given)
        check_reducible(array, op)
        call = f"reducescatter({op.name}) {described(array)}"
        sources = map(_segments, map(_elements, given))
        with self._operation(), _flat(array) as flat:
            for segment, *parts in zip(_segments(flat), *sources, strict=True):
                reduce_into(segment, self._exchange.dealt(call, parts), op)

    def send(self, tensor: list[Any], send_options: types.SendOptions) -> None:
        """Gives a tensor to one member, which need not have asked yet."""
        self._exchange.send(send_options.dst_rank, _elements(array_of(tensor[0])))

    def recv(self, tensor: list[Any], recv_options: types.RecvOptions) -> None:
        """Puts what one member sent into the tensor."""
        with _flat(outcome_of(tensor[0])) as flat:
            np.copyto(flat, self._exchange.receive(recv_options.src_rank, flat))

    def _allreduce(self, segment: Array, op: types.ReduceOp, call: str) -> None:
        if self._is_read_by_all(segment):
            reduce_into(segment, self._exchange.of_all(call, segment), op)
            return
        parts = self._parts(segment)
        own = parts[self.rank]
        reduce_into(own, self._exchange.dealt(call, parts), op)
        self._copy_parts(parts, self._exchange.of_all(call, own, parts))

    def _reduce(self, segment: Array, op: types.ReduceOp, call: str, root: int) -> None:
        if self._is_read_by_all(segment):
            came = self._exchange.to_root(call, segment, root)
            if came:
                reduce_into(segment, came, op)
            return
        parts = self._parts(segment)
        own = parts[self.rank] if self.rank == root else np.empty_like(parts[self.rank])
        reduce_into(own, self._exchange.dealt(call, parts), op)
        came = self._exchange.to_root(call, own, root, parts)
        if came:
            self._copy_parts(parts, came)

    def _copy_parts(self, parts: list[Array], came: list[Array]) -> None:
        """Fills the parts that other members reduced."""
        for rank, (part, reduced) in enumerate(zip(parts, came, strict=True)):
            if rank != self.rank:
                np.copyto(part, reduced)

    def _parts(self, segment: Array) -> list[Array]:
        """The part of each member, by rank."""
        return np.array_split(segment, self.world_size)

    def _is_read_by_all(self, segment: Array) -> bool:
        return (
            self.world_size <= 2  # noqa: PLR2004 - two read it once each
            or segment.nbytes * self.world_size <= READ_BY_ALL_BYTES_MAX
        )

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """Runs one operation at a time; one that breaks off ends the group, or others would wait.

        What the meeting raises it raises for all.
        """
        with self._turn:
            self._exchange.is_begun = False
            try:
                yield
            except (TimeoutError, types.CallsDifferError, types.GroupEndedError):
                raise
            except BaseException:
                if self._exchange.is_begun:
                    self._exchange.leave()
                raise

    def _check_places(self, array: Array, places: list[Array]) -> None:
        if len(places) != self.world_size:
            message = (
                f"the list has {len(places)} tensors, and the group {self.group_name!r} "
                f"{self.world_size} members: it takes one for each"
            )
            raise ValueError(message)
        for rank, place in enumerate(places):
            check_like(array, place, f"tensor {rank} of the list")


def _segments(flat: Array) -> Iterator[Array]:
    """The array in equal segments, one at least."""
    count = max(1, math.ceil(flat.nbytes / SEGMENT_BYTES_MAX))
    for index in range(count):
        yield flat[flat.size * index // count : flat.size * (index + 1) // count]


def _elements(array: Array) -> Array:
    """The elements in a row, to be read."""
    return np.ascontiguousarray(array).reshape(-1)


@contextmanager
def _flat(array: Array) -> Iterator[Array]:
    """The elements in a row: a view if that is possible, else a copy that is written back."""
    flat = array.reshape(-1)
    yield flat
    if array.flags.writeable and not np.may_share_memory(flat, array):
        array[...] = flat.reshape(array.shape)


@contextmanager
def _all_flat(arrays: list[Array]) -> Iterator[list[Array]]:
    with ExitStack() as stack:
        yield [stack.enter_context(_flat(array)) for array in arrays]
