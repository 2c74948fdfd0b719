"""Arrays from and to the other members of a group, round by round.

Owns how an array travels: a small one as bytes through the actor in which they meet, a larger one
through the object store, where the others read it in place, with only its ref in the parcel. Does
not own what is done with arrays (`store_group`), nor rounds (`gathering`).

Members agree on which way an array goes, since all of them bring arrays of the same size and type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import aktis
from aktis.exceptions import GetTimeoutError, ObjectLostError
from aktis.util.collective.arrays import Array, described
from aktis.util.collective.meeting import Place
from aktis.util.collective.types import GroupEndedError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a member gets in the parcels of one round at most; beyond it, arrays are stored.
PARCELS_BYTES_MAX = 96 * 1024


class Exchange:
    """One member's side of the rounds; arrays that come are views of what others have.

    Attributes:
        is_begun: Whether the member has come to a round; who begins an operation sets it back.
    """

    def __init__(self, group_name: str, world_size: int, rank: int, timeout_s: float) -> None:
        self.is_begun = False
        self._group_name = group_name
        self._ranks = range(world_size)
        self._rank = rank
        self._timeout_s = timeout_s
        self._place = Place(group_name, world_size, rank, timeout_s)

    def leave(self) -> None:
        """Leaves the group."""
        self._place.leave()

    def meet(self, call: str) -> None:
        """Waits until all members are here."""
        self._gather(call, b"")

    def of_all(self, call: str, array: Array, likes: Sequence[Array] | None = None) -> list[Array]:
        """What all members bring, by rank; of this one, the array itself.

        Args:
            call: What the members call.
            array: What this one brings.
            likes: Arrays as large as what each member brings, if that is not the same for all.
        """
        likes = likes or [array] * len(self._ranks)
        if self._are_small(likes):
            return self._split(self._gather(call, array.tobytes()), array, likes)
        parcels = self._addressed(array, self._ranks)
        return self._unpacked(self._exchange(call, parcels), array, likes)

    def of_root(self, call: str, array: Array, root: int) -> Array:
        """What the root brings; in the root, the array itself."""
        is_root = self._rank == root
        if self._are_small([array]):
            sent = self._gather(call, array.tobytes() if is_root else b"")
            return array if is_root or not sent else np.frombuffer(sent, array.dtype)
        if is_root:
            self._exchange(call, self._addressed(array, self._ranks))
            return array
        return self._taken(self._exchange(call, None), root, array)

    def to_root(
        self, call: str, array: Array, root: int, likes: Sequence[Array] | None = None
    ) -> list[Array]:
        """What all members bring, by rank, if this is the root; nothing in the others."""
        likes = likes or [array] * len(self._ranks)
        if self._are_small(likes):
            rows = self._split(self._gather(call, array.tobytes()), array, likes)
        else:
            came = self._exchange(call, self._addressed(array, [root]))
            rows = self._unpacked(came, array, likes) if self._rank == root else []
        return rows if self._rank == root else []

    def dealt(self, call: str, arrays: Sequence[Array]) -> list[Array]:
        """What all members have for this one, by rank, who have an array for each."""
        own = arrays[self._rank]
        parcels = [
            None if rank == self._rank else self._packed(array) for rank, array in enumerate(arrays)
        ]
        return self._unpacked(self._exchange(call, parcels), own, [own] * len(self._ranks))

    def send(self, target: int, array: Array) -> None:
        """Leaves an array for a member."""
        self._place.send(target, (described(array), self._packed(array)))

    def receive(self, source: int, like: Array) -> Array:
        """Takes the oldest array that a member left.

        Raises:
            ValueError: it is of another size or type.
        """
        told, parcel = self._place.receive(source)
        if told != described(like):
            message = (
                f"rank {source} of the group {self._group_name!r} sent an array {told}, and this "
                f"one is {described(like)}"
            )
            raise ValueError(message)
        return self._taken({source: parcel}, source, like)

    def _are_small(self, arrays: Sequence[Array]) -> bool:
        """Whether all that members bring fits into what one of them gets."""
        bytes_max = PARCELS_BYTES_MAX // len(self._ranks)
        fits = all(array.nbytes <= bytes_max for array in arrays)
        return fits and not arrays[0].dtype.hasobject

    def _addressed(self, array: Array, ranks: Sequence[int]) -> list[Any]:
        """Parcels with one array for these members; none is for the member itself."""
        gets = [rank in ranks and rank != self._rank for rank in self._ranks]
        packed = self._packed(array) if any(gets) else None
        return [packed if is_for_it else None for is_for_it in gets]

    def _packed(self, array: Array) -> Any:
        """A parcel: the bytes of a small array, the ref of a large one."""
        return (
            array.tobytes() if self._are_small([array]) else aktis.put(np.ascontiguousarray(array))
        )

    def _unpacked(self, came: Any, own: Array, likes: Sequence[Array]) -> list[Array]:
        return [
            own if rank == self._rank else self._taken(came, rank, like)
            for rank, like in enumerate(likes)
        ]

    def _taken(self, came: Any, source: int, like: Array) -> Array:
        """The array in the parcel of a member."""
        parcel = came[source]
        if isinstance(parcel, bytes):
            return np.frombuffer(parcel, like.dtype) if parcel else like
        try:
            found: Array = aktis.get(parcel, timeout=self._timeout_s)
        except (GetTimeoutError, ObjectLostError) as error:
            message = f"the group {self._group_name!r} has ended: rank {source} is gone: {error}"
            raise GroupEndedError(message) from error
        return found

    def _split(self, joined: bytes, own: Array, likes: Sequence[Array]) -> list[Array]:
        """The arrays whose bytes are joined; of this member, the array itself."""
        elements = np.frombuffer(joined, own.dtype) if joined else own
        arrays = []
        start = 0
        for rank, like in enumerate(likes):
            arrays.append(own if rank == self._rank else elements[start : start + like.size])
            start += like.size
        return arrays

    def _gather(self, call: str, brought: bytes) -> bytes:
        self.is_begun = True
        joined: bytes = self._place.exchange(call, brought)
        return joined

    def _exchange(self, call: str, parcels: list[Any] | None) -> list[Any]:
        self.is_begun = True
        came: list[Any] = self._place.exchange(call, parcels)
        return came
