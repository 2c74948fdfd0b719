"""Large arrays that many calls get: each is stored once, and read in shared memory.

Owns which arguments are stored, and how calls find them. Does not own the calls.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import aktis

if TYPE_CHECKING:
    from collections.abc import Callable

    from aktis.types import ObjectRef

# From this size on joblib, too, gives processes arrays that they cannot write to.
SHARED_BYTES_MIN = 1024 * 1024

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


class Stored(NamedTuple):
    """Stands for an array among the arguments of a call."""

    ref: ObjectRef[Any]


class SharedArrays:
    """The arrays of one use of joblib, by identity."""

    def __init__(self) -> None:
        # With the array, so that no other one gets its identity.
        self._stored: dict[int, tuple[Any, Stored]] = {}

    def shared(self, call: Call) -> Call:
        """The call, with a stored array in the place of each large one."""
        function, args, kwargs = call
        few_args = tuple(self._replaced(value) for value in args)
        few_kwargs = {name: self._replaced(value) for name, value in kwargs.items()}
        return Restoring(function), few_args, few_kwargs

    def _replaced(self, value: Any) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray:
            return value
        if value.dtype.hasobject or value.nbytes < SHARED_BYTES_MIN:
            return value
        found = self._stored.get(id(value))
        if found is None:
            found = self._stored[id(value)] = (value, Stored(aktis.put(value)))
        return found[1]


class Restoring(NamedTuple):
    """A function that gets the arrays themselves."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function with the arrays where they are stored."""
        return self.function(
            *(_restored(value) for value in args),
            **{name: _restored(value) for name, value in kwargs.items()},
        )


def _restored(value: Any) -> Any:
    return aktis.get(value.ref) if type(value) is Stored else value
