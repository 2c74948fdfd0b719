"""Pickles functions and classes that others cannot import, whole, with where they were written.

Owns what such a pickle holds beyond what cloudpickle puts there. Does not own when it is needed
(`aktis._kernel.serialize`, `aktis._kernel.functions`). Imported when it is, since cloudpickle is
slow to import.
"""

from __future__ import annotations

import io
import pickle
import types
from collections import ChainMap
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import cloudpickle

from aktis._kernel import reducers

# Takes a buffer that is to be kept out of a pickle.
KeepOut: TypeAlias = Callable[[pickle.PickleBuffer], object]

# What cloudpickle writes instead of a file's name, so that equal code has equal pickles.
_NAMELESS = "<dynamic-code>"
_reduce_nameless = cloudpickle.Pickler.dispatch_table[types.CodeType]


def dumps(value: object, keep_out: KeepOut | None = None) -> bytes:
    """The pickle of a function, a class, or a value that holds some; in one piece by default.

    Raises:
        TypeError: something in it cannot be pickled.
    """
    stream = io.BytesIO()
    _Pickler(stream, buffer_callback=keep_out).dump(value)
    return stream.getvalue()


def _reduce_code(code: types.CodeType) -> tuple[Any, ...]:
    """Keeps the file's name, which tracebacks in other processes show with the line."""
    make, parts = _reduce_nameless(code)
    return make, tuple(code.co_filename if part == _NAMELESS else part for part in parts)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle's, which also keeps the names of files and knows the program's serializers."""

    dispatch_table: ClassVar[Any] = ChainMap(
        reducers.registered, {types.CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table
    )
