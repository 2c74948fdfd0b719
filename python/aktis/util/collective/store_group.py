"""The backend for arrays in memory: members meet in an actor, and arrays go through shared memory.

Owns the algorithms. Does not own who meets whom (`gathering`), nor what a tensor is (`arrays`).

All operations are rounds in which each member brings a parcel for each other. Small arrays are in
the parcels. Of larger ones the parcels hold refs: a member puts its array into the object store,
one copy, and the others read it where it lies.

What reduces takes one round if there are two members, or little to read: each reads what all have.
Otherwise it goes in two steps, as Rabenseifner describes it (Optimization of Collective Reduction
Operations, ICCS 2004): each member reduces one part of the array for all, and then all gather the
parts. So a member touches three times the array at most, however many members there are.

All members get the same bits. Where each reduces everything it is in the order of ranks, and two
values reduce to the same in either order; where parts are reduced, one member does it for all.

Long arrays go in segments, so that the store holds a limited part of them at a time.
"""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

import aktis
from aktis.exceptions import GetTimeoutError, ObjectLostError
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
from aktis.util.collective.meeting import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

# What all members' parcels of one round have together at most; beyond it, arrays are stored.
PARCELS_BYTES_MAX = 64 * 1024
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
        self._timeout_s = gloo_timeout / 1000
        self._place = Place(group_name, world_size, rank, self._timeout_s)
        self._turn = threading.Lock()
        self._in_round = False

    @classmethod
    def check_backend_availability(cls) -> bool:
        """True: this module could not be loaded without NumPy."""
        return True

    def destroy_group(self) -> None:
        """Leaves the group, which ends it for the others."""
        self._place.leave()

    def allreduce(self, tensor: list[Any], allreduce_options: types.AllReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the tensor."""
        op = allreduce_options.reduceOp
        array = outcome_of(tensor[0])
        check_reducible(array, op)
        call = f"allreduce({op.name}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for start, stop in _bounds(flat):
                self._allreduce(flat[start:stop], op, call)

    def reduce(self, tensor: list[Any], reduce_options: types.ReduceOptions) -> None:
        """Puts what all members' tensors reduce to into the root's; the others stay as they are."""
        op, root = reduce_options.reduceOp, reduce_options.root_rank
        is_root = self.rank == root
        array = outcome_of(tensor[0]) if is_root else array_of(tensor[0])
        check_reducible(array, op)
        call = f"reduce({op.name}, dst_rank={root}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for start, stop in _bounds(flat):
                self._reduce(flat[start:stop], op, call, root)

    def barrier(self, barrier_options: types.BarrierOptions) -> None:  # noqa: ARG002 - it has none
        """Waits until all members are here."""
        with self._operation():
            self._exchange("barrier()", None)

    def broadcast(self, tensor: list[Any], broadcast_options: types.BroadcastOptions) -> None:
        """Puts the root's tensor into the tensors of the others."""
        root = broadcast_options.root_rank
        is_root = self.rank == root
        array = array_of(tensor[0]) if is_root else outcome_of(tensor[0])
        call = f"broadcast(src_rank={root}) {described(array)}"
        with self._operation(), _flat(array) as flat:
            for start, stop in _bounds(flat):
                segment = flat[start:stop]
                if is_root:
                    self._exchange(call, self._for_all(segment))
                else:
                    came = self._exchange(call, None)
                    np.copyto(segment, self._unpacked(came[root], root, segment))

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
        flat = np.ascontiguousarray(array).reshape(-1)
        with self._operation(), _all_flat(outcomes) as targets:
            for start, stop in _bounds(flat):
                segment = flat[start:stop]
                came = self._exchange(call, self._for_all(segment))
                for rank, target in enumerate(targets):
                    np.copyto(target[start:stop], self._unpacked(came[rank], rank, segment))

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
        sources = [np.ascontiguousarray(one).reshape(-1) for one in given]
        with self._operation(), _flat(array) as flat:
            for start, stop in _bounds(flat):
                segment = flat[start:stop]
                parcels = [
                    None if target == self.rank else self._packed(source[start:stop])
                    for target, source in enumerate(sources)
                ]
                came = self._exchange(call, parcels)
                np.copyto(segment, sources[self.rank][start:stop])
                reduce_into(segment, self._others(came, segment), op)

    def send(self, tensor: list[Any], send_options: types.SendOptions) -> None:
        """Gives a tensor to one member, which need not have asked yet."""
        array = array_of(tensor[0])
        flat = np.ascontiguousarray(array).reshape(-1)
        self._place.send(send_options.dst_rank, (described(array), self._packed(flat)))

    def recv(self, tensor: list[Any], recv_options: types.RecvOptions) -> None:
        """Puts what one member sent into the tensor."""
        source = recv_options.src_rank
        array = outcome_of(tensor[0])
        told, parcel = self._place.receive(source)
        if told != described(array):
            message = (
                f"rank {source} of the group {self.group_name!r} sent an array {told}, and this "
                f"one is {described(array)}"
            )
            raise ValueError(message)
        with _flat(array) as flat:
            np.copyto(flat, self._unpacked(parcel, source, flat))

    def _allreduce(self, segment: Array, op: types.ReduceOp, call: str) -> None:
        if self._is_read_by_all(segment):
            self._reduce_all(segment, self._exchange(call, self._for_all(segment)), op)
            return
        parts = self._parts(segment)
        self._reduce_part(parts, parts[self.rank], op, call)
        self._copy_parts(parts, self._exchange(call, self._for_all(parts[self.rank])))

    def _reduce(self, segment: Array, op: types.ReduceOp, call: str, root: int) -> None:
        is_root = self.rank == root
        if self._is_read_by_all(segment):
            came = self._exchange(call, self._for_one(segment, root))
            if is_root:
                reduce_into(segment, self._others(came, segment), op)
            return
        parts = self._parts(segment)
        own = parts[self.rank] if is_root else parts[self.rank].copy()
        self._reduce_part(parts, own, op, call)
        came = self._exchange(call, self._for_one(own, root))
        if is_root:
            self._copy_parts(parts, came)

    def _reduce_part(self, parts: list[Array], own: Array, op: types.ReduceOp, call: str) -> None:
        """Reduces the part of this member into `own`, which has this member's values."""
        parcels = [
            None if rank == self.rank else self._packed(part) for rank, part in enumerate(parts)
        ]
        came = self._exchange(call, parcels)
        reduce_into(own, self._others(came, own), op)

    def _reduce_all(self, segment: Array, came: list[Any], op: types.ReduceOp) -> None:
        """Reduces what all members brought: in the order of ranks, which two do not need."""
        if self.world_size > 2:  # noqa: PLR2004 - two
            first, *rest = [
                self._unpacked(parcel, rank, segment) for rank, parcel in enumerate(came)
            ]
            np.copyto(segment, first)
        else:
            rest = self._others(came, segment)
        reduce_into(segment, rest, op)

    def _copy_parts(self, parts: list[Array], came: list[Any]) -> None:
        """Fills the parts that other members reduced."""
        for rank, part in enumerate(parts):
            if rank != self.rank:
                np.copyto(part, self._unpacked(came[rank], rank, part))

    def _parts(self, segment: Array) -> list[Array]:
        """The part of each member, by rank."""
        return np.array_split(segment, self.world_size)

    def _for_all(self, array: Array) -> list[Any]:
        return [self._packed(array)] * self.world_size

    def _for_one(self, array: Array, target: int) -> list[Any]:
        if self.rank == target:
            return [None] * self.world_size
        packed = self._packed(array)
        return [packed if rank == target else None for rank in range(self.world_size)]

    def _others(self, came: list[Any], like: Array) -> list[Array]:
        """What the other members brought."""
        return [
            self._unpacked(parcel, rank, like)
            for rank, parcel in enumerate(came)
            if rank != self.rank
        ]

    def _is_read_by_all(self, segment: Array) -> bool:
        return (
            self.world_size <= 2  # noqa: PLR2004 - two read it once each
            or segment.nbytes * self.world_size <= READ_BY_ALL_BYTES_MAX
        )

    def _fits_parcel(self, array: Array) -> bool:
        fits = array.nbytes * self.world_size <= PARCELS_BYTES_MAX
        return fits and not array.dtype.hasobject

    def _packed(self, array: Array) -> Any:
        """A parcel: the bytes of a small array, the ref of a large one."""
        if self._fits_parcel(array):
            return array.tobytes()
        return aktis.put(np.ascontiguousarray(array))

    def _unpacked(self, parcel: Any, source: int, like: Array) -> Array:
        """The array that a member brought."""
        if isinstance(parcel, bytes):
            return np.frombuffer(parcel, like.dtype) if parcel else like
        try:
            found: Array = aktis.get(parcel, timeout=self._timeout_s)
        except (GetTimeoutError, ObjectLostError) as error:
            message = f"the group {self.group_name!r} has ended: rank {source} is gone: {error}"
            raise types.GroupEndedError(message) from error
        return found

    def _exchange(self, call: str, parcels: list[Any] | None) -> list[Any]:
        self._in_round = True
        return self._place.exchange(call, parcels)

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """Runs one operation at a time; one that breaks off ends the group, or others would wait.

        What the meeting raises it raises for all.
        """
        with self._turn:
            self._in_round = False
            try:
                yield
            except (TimeoutError, types.CallsDifferError, types.GroupEndedError):
                raise
            except BaseException:
                if self._in_round:
                    self._place.leave()
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


def _bounds(flat: Array) -> Iterator[tuple[int, int]]:
    """Where the segments of an array begin and end: equal ones, and one at least."""
    count = max(1, math.ceil(flat.nbytes / SEGMENT_BYTES_MAX))
    for index in range(count):
        yield flat.size * index // count, flat.size * (index + 1) // count


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
