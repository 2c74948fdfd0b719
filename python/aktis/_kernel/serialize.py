"""Values to pickles with buffers kept out of them.

Owns which pickler does the work: the plain one in C, or `carrying` for what others cannot import.
Does not own the forms that need no pickle, nor refs inside values (Rust).
"""

from __future__ import annotations

import copyreg
import io
import pickle
import sys
from collections import ChainMap
from typing import Any, cast

from aktis import _core
from aktis._kernel import reducers

PROTOCOL = 5

Pickled = tuple[bytes, list[pickle.PickleBuffer]]


class NeedsCloudpickleError(Exception):
    """The value holds a function or class that other processes cannot import."""


# What the plain pickler raises for functions and classes that cannot be found by name.
_NOT_BY_NAME = (NeedsCloudpickleError, pickle.PicklingError, AttributeError, TypeError)


class _FastPickler(pickle.Pickler):
    """Pickles by name what other processes can import, and refuses all else."""

    reducer_override = _core.reduce_fast  # type: ignore[assignment]


def dumps(value: object) -> Pickled:
    """The pickle of a value and the buffers that were kept out of it.

    Raises:
        TypeError: something in it cannot be pickled.
    """
    stream = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    pickler = _FastPickler(stream, PROTOCOL, buffer_callback=buffers.append)
    if reducers.registered:
        registered = cast("dict[Any, Any]", reducers.registered)
        pickler.dispatch_table = ChainMap(registered, cast("Any", copyreg.dispatch_table))
    try:
        pickler.dump(value)
    except _NOT_BY_NAME:
        from aktis._kernel import carrying

        buffers.clear()
        return carrying.dumps(value, buffers.append), buffers
    return stream.getvalue(), buffers


def check_importable(value: object) -> None:
    """Raises for a function or class that cloudpickle must carry along.

    That is one of the main program, or of a module which the user asked it to carry.

    Raises:
        NeedsCloudpickleError: it is one of those.
    """
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or module == "__main__":
        raise NeedsCloudpickleError
    cloudpickle = sys.modules.get("cloudpickle.cloudpickle")
    carried = getattr(cloudpickle, "_PICKLE_BY_VALUE_MODULES", None)
    while carried and module:
        if module in carried:
            raise NeedsCloudpickleError
        module = module.rpartition(".")[0]
