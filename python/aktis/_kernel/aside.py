"""Threads that run tasks while those of the other threads wait.

Owns how such a thread starts and how an interrupt finds it. Does not own when there is one, or what
it runs (Rust).
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

from aktis._kernel import execute, session

if TYPE_CHECKING:
    from aktis import _core


def start() -> None:
    """Starts one more such thread."""
    engine = session.require().engine
    threading.Thread(target=engine.work_aside, name="aside", daemon=True).start()


def run(execution: _core.Execution) -> None:
    """Runs an execution on this thread."""
    _threads[execution.task_id] = threading.get_ident()
    try:
        execution.run()
    except execute.Interrupted:
        # It came when the task had ended.
        pass
    finally:
        del _threads[execution.task_id]


def interrupt(task_id: bytes) -> None:
    """Raises in the thread that runs a task, if one of these does."""
    thread = _threads.get(task_id)
    if thread is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread), ctypes.py_object(execute.Interrupted)
        )


# Which thread runs which task.
_threads: dict[bytes, int] = {}
