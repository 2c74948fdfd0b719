"""Errors of user code as they travel: a traceback without the engine's frames, and a pickle.

Owns which frames are shown, also in warnings, and what is pickled. Does not own the error's class
(`aktis.exceptions`).
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from aktis.exceptions import TaskError, UnserializableException

if TYPE_CHECKING:
    from types import FrameType

    from aktis import _core

PACKAGE = str(Path(__file__).parent.parent) + os.sep
LOCAL_ADDRESS = "127.0.0.1"


def described(execution: _core.Execution, error: BaseException) -> tuple[bytes, str]:
    """The pickle of what `get` raises for the error, and its traceback for people."""
    text = formatted(error)
    actor_id = execution.actor_id
    told = TaskError(
        error,
        function_name=execution.name,
        traceback_str=text,
        pid=os.getpid(),
        ip=LOCAL_ADDRESS,
        actor_id=None if actor_id is None else actor_id.hex(),
    )
    return _pickled(told), text


def formatted(error: BaseException) -> str:
    """The traceback of an error and of those that led to it, without frames of the engine."""
    found = traceback.TracebackException.from_exception(error, compact=True)
    _strip(found, set())
    try:
        return "".join(found.format())
    except Exception as second:  # noqa: BLE001 - words and pickling of errors are user code
        return f"{type(error).__name__} (its words cannot be told: {type(second).__name__})\n"


def level_of_user() -> int:
    """Where the user's innermost frame is, as a warning of the caller counts: it is 1 itself."""
    level = 1
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to see callers
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level += 1
        frame = frame.f_back
    return level


def _strip(found: traceback.TracebackException, seen: set[int]) -> None:
    if id(found) in seen:
        return
    seen.add(id(found))
    kept = [frame for frame in found.stack if not frame.filename.startswith(PACKAGE)]
    found.stack = traceback.StackSummary.from_list(kept)
    for other in (found.__cause__, found.__context__):
        if other is not None:
            _strip(other, seen)
    for part in getattr(found, "exceptions", None) or []:
        _strip(part, seen)


def _pickled(told: TaskError) -> bytes:
    from aktis._kernel import carrying

    try:
        return carrying.dumps(told)
    except Exception:  # noqa: BLE001 - words and pickling of errors are user code
        told.cause = UnserializableException(told.traceback_str)
        return carrying.dumps(told)
