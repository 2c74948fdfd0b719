"""Pickles functions and classes that others cannot import, whole, with where they were written.

Owns what such a pickle holds beyond what cloudpickle puts there. Does not own when it is needed
(`aktis._kernel.serialize`, `aktis._kernel.functions`). Imported when it is, since cloudpickle is
slow to import.
"""

from __future__ import annotations

import io
import types
from collections import ChainMap
from typing import Any, ClassVar

import cloudpickle

# What cloudpickle writes instead of a file's name, so that equal code has equal pickles.
_NAMELESS = "<dynamic-code>"
_reduce_nameless = cloudpickle.Pickler.dispatch_table[types.CodeType]


def _reduce_code(code: types.CodeType) -> tuple[Any, ...]:
    """Keeps the file's name, which tracebacks in other processes show with the line."""
    make, parts = _reduce_nameless(code)
    return make, tuple(code.co_filename if part == _NAMELESS else part for part in parts)


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle's, which also keeps the names of files."""

    dispatch_table: ClassVar[Any] = ChainMap(
        {types.CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table
    )


def dumps(value: object) -> bytes:
    """The pickle of a function, a class, or a value that holds some.

    Raises:
        TypeError: something in it cannot be pickled.
    """
    stream = io.BytesIO()
    Pickler(stream).dump(value)
    return stream.getvalue()
