"""Functions that travel to workers with their calls, and are unpickled once in each process.

Owns how a function is packed for many calls, and what a worker keeps of it. Does not own the calls
(`aktis.util.executor`, `aktis.util.multiprocessing`).

A function sent so leaves nothing in the cluster's tables, however many there are.
"""

from __future__ import annotations

import itertools
import types
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import aktis
from aktis.exceptions import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

# How many functions a process remembers; the oldest goes.
FUNCTIONS_MAX = 128
# A larger pickle is stored once, and its ref is sent in its place.
INLINE_BYTES_MAX = 64 * 1024
# Functions of these kinds do not change between two calls, as far as pickling sees.
_UNCHANGING = (types.FunctionType, types.BuiltinFunctionType, type)


class Packed(NamedTuple):
    """A function as calls carry it: the first two arguments of `unpacked`."""

    key: str
    payload: Any


class Returned(NamedTuple):
    """A result that would look like a failure: an exception that a function returned."""

    value: BaseException


class Packer:
    """Packs functions; those that cannot change are pickled once."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Any, Packed]] = OrderedDict()
        self._prefix = uuid.uuid4().hex
        self._counter = itertools.count()

    def pack(self, function: Callable[..., Any]) -> Packed:
        """The function for one call; the caller's lock covers it."""
        if not isinstance(function, _UNCHANGING):
            return Packed("", function)
        found = self._known.get(id(function))
        if found is None:
            found = self._known[id(function)] = (function, self.pack_for_many(function))
            if len(self._known) > FUNCTIONS_MAX:
                self._known.popitem(last=False)
        return found[1]

    def pack_for_many(self, function: Callable[..., Any]) -> Packed:
        """The function as it is at this moment, for many calls."""
        payload = aktis.cloudpickle.dumps(function)
        key = f"{self._prefix}{next(self._counter)}"
        too_large = len(payload) > INLINE_BYTES_MAX
        return Packed(key, aktis.put(payload) if too_large else payload)


def unpacked(key: str, payload: Any) -> Callable[..., Any]:
    """The function in a worker; without a key it came as it is."""
    if not key:
        function: Callable[..., Any] = payload
        return function
    known = _functions.get(key)
    if known is None:
        known = _functions[key] = aktis.cloudpickle.loads(payload)
        if len(_functions) > FUNCTIONS_MAX:
            _functions.popitem(last=False)
    return known


def returned(result: Any) -> Any:
    """The result, in a form that cannot be taken for a failure."""
    return Returned(result) if isinstance(result, BaseException) else result


def outcome(arrived: Any) -> tuple[Any, BaseException | None]:
    """The value or the error of a call, from what its ref got.

    The error is the one that was raised, of exactly its type; its cause shows the remote traceback.
    """
    if type(arrived) is Returned:
        return arrived.value, None
    if isinstance(arrived, TaskError):
        error = arrived.cause
        error.__cause__ = arrived
        return None, error
    if isinstance(arrived, BaseException):
        return None, arrived
    return arrived, None


_functions: OrderedDict[str, Callable[..., Any]] = OrderedDict()
