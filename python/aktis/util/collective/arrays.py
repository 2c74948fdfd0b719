"""Tensors as NumPy sees them: views that share their memory, and what two arrays reduce to.

Owns what counts as a tensor. Does not own what is done with them (`store_group`).

A torch tensor in memory gives its view itself, so that torch need not be imported here.
"""

from __future__ import annotations

from functools import lru_cache, partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from aktis.util.collective.types import ReduceOp

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of how many types of elements it is remembered what they are called and reduce to.
TYPES_MAX = 256

Array = np.ndarray[Any, np.dtype[Any]]

_UFUNCS: dict[ReduceOp, np.ufunc] = {
    ReduceOp.SUM: np.add,
    ReduceOp.PRODUCT: np.multiply,
    ReduceOp.MIN: np.minimum,
    ReduceOp.MAX: np.maximum,
}


def array_of(tensor: Any) -> Array:
    """The array whose memory the tensor has: itself, or a view of a torch tensor.

    Raises:
        NotImplementedError: the tensor is on a device.
        TypeError: it is no tensor, or of a type of torch's that NumPy lacks.
    """
    if isinstance(tensor, np.ndarray):
        return np.asarray(tensor)
    device = getattr(getattr(tensor, "device", None), "type", "cpu")
    if device != "cpu":
        message = (
            f"a tensor on {device!r} needs a backend that moves memory of devices, and there is "
            f"none; move it with .cpu() first"
        )
        raise NotImplementedError(message)
    if not (hasattr(tensor, "detach") and hasattr(tensor, "numpy")):
        kind = type(tensor).__name__
        message = f"a tensor is a NumPy array or a torch tensor in memory, not {kind}"
        raise TypeError(message)
    return np.asarray(tensor.detach().numpy())


def outcome_of(tensor: Any) -> Array:
    """The array of a tensor that is written to.

    Raises:
        ValueError: it is read only.
    """
    array = array_of(tensor)
    if not array.flags.writeable:
        message = (
            "the array is written to, and this one is read only, as arrays are that `get` reads "
            "from shared memory; give a copy"
        )
        raise ValueError(message)
    return array


def described(array: Array) -> str:
    """How many elements it has of which type; members must agree on it."""
    return f"of {array.size} {_spelled(array.dtype)}"


def check_like(array: Array, other: Array, role: str) -> None:
    """Raises `ValueError` if one does not fit into the other."""
    if (array.size, array.dtype) != (other.size, other.dtype):
        message = (
            f"{role} is {described(other)}, and the tensor {described(array)}; sizes and types of "
            f"all must be the same"
        )
        raise ValueError(message)


def check_reducible(array: Array, op: ReduceOp) -> None:
    """Raises `TypeError` if `op` is no reduction, or elements do not reduce to their own type."""
    if not isinstance(op, ReduceOp):
        message = f"op must be a ReduceOp, such as ReduceOp.SUM, not {op!r}"
        raise TypeError(message)
    if not _is_reducible(array.dtype, op):
        message = f"elements of type {array.dtype} have no {op.name} of that type"
        raise TypeError(message)


def reduce_into(target: Array, arrays: Sequence[Array], op: ReduceOp) -> None:
    """Puts what arrays reduce to, in their order, into the target, which may be one of them."""
    # The first step reads two arrays and writes; one that comes later would be overwritten unread.
    unread = [
        array.copy() if place > 1 and np.may_share_memory(array, target) else array
        for place, array in enumerate(arrays)
    ]
    outcome = reduce(partial(_UFUNCS[op], out=target), unread)
    if outcome is not target:
        np.copyto(target, outcome)


def reduced(tensors: Sequence[Any], op: ReduceOp) -> Array:
    """A new array: what tensors reduce to, in their order.

    Raises:
        TypeError: their elements do not reduce to the same type.
        ValueError: their shapes or types differ.
    """
    arrays = _alike(tensors)
    check_reducible(arrays[0], op)
    outcome = np.empty_like(arrays[0])
    reduce_into(outcome, arrays, op)
    return outcome


def joined(tensors: Sequence[Any]) -> Array:
    """A new array: the tensors one after the other, along the first dimension.

    Raises:
        ValueError: their shapes or types differ.
    """
    return np.concatenate(_alike(tensors))


def part(array: Array, rank: int, count: int) -> Array:
    """One of so many equal parts of an array, along its first dimension.

    Raises:
        ValueError: it cannot be cut so.
    """
    if array.ndim == 0 or array.shape[0] % count:
        message = f"an array of shape {array.shape} cannot be cut into {count} equal parts"
        raise ValueError(message)
    length = array.shape[0] // count
    return array[rank * length : (rank + 1) * length]


def like(tensor: Any, array: Array) -> Any:
    """The array in the form of a tensor: itself, or a torch tensor with its values."""
    return tensor.new_tensor(array) if hasattr(tensor, "new_tensor") else array


# Operations on small arrays ask of the same few types again and again, and NumPy takes its time.
@lru_cache(maxsize=TYPES_MAX)
def _spelled(dtype: np.dtype[Any]) -> str:
    return str(dtype)


@lru_cache(maxsize=TYPES_MAX)
def _is_reducible(dtype: np.dtype[Any], op: ReduceOp) -> bool:
    native = dtype.newbyteorder("=")
    try:
        *_, outcome = _UFUNCS[op].resolve_dtypes((native, native, None))
    except TypeError:
        return False
    return bool(outcome == native)


def _alike(tensors: Sequence[Any]) -> list[Array]:
    arrays = [array_of(tensor) for tensor in tensors]
    kinds = {(array.shape, array.dtype) for array in arrays}
    if len(kinds) > 1:
        told = ", ".join(f"{shape} {dtype}" for shape, dtype in kinds)
        message = f"the tensors differ in shape or type: {told}"
        raise ValueError(message)
    return arrays
