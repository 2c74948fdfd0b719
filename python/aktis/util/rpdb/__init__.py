"""A debugger for tasks: `breakpoint()` waits until a terminal attaches, then it is pdb.

`python -m aktis.util.rpdb` lists the breakpoints at which tasks of this machine wait, and attaches.
Owns the debugger in the task's process. Does not own the terminal's side (`__main__`), nor where
the two meet (`aktis.observe.breakpoints`).
"""

from __future__ import annotations

import contextlib
import pdb  # noqa: T100 - this is a debugger
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from aktis.observe import breakpoints

if TYPE_CHECKING:
    import socket
    from types import FrameType, TracebackType

__all__ = ["post_mortem", "set_trace"]

COMMAND = "python -m aktis.util.rpdb"
LOOK_S = 0.5


def set_trace(frame: FrameType | None = None) -> None:
    """Stops here. In a task, waits until somebody attaches; elsewhere it is `pdb.set_trace`.

    The task holds its resources meanwhile. It goes on after `continue`, or when who attached goes;
    after `quit` it fails.

    Args:
        frame: Where to stop; None is the caller.
    """
    frame = frame or sys._getframe().f_back  # noqa: SLF001 - as pdb does
    if not breakpoints.runs_in_task():
        pdb.Pdb().set_trace(frame)
        return
    debugger = _attached.debugger
    if debugger is None:
        debugger = _await_attached(_place_of(frame), "waits at a breakpoint")
    debugger.set_trace(frame)


def post_mortem(traceback: TracebackType | None = None) -> None:
    """Looks at where an error was raised; in a task, waits until somebody attaches.

    Args:
        traceback: Of the error; None is the one that is being handled.

    Raises:
        ValueError: none is being handled.
    """
    traceback = traceback or sys.exc_info()[2]
    if traceback is None:
        message = "post_mortem needs a traceback, or to be called where an error is handled"
        raise ValueError(message)
    if not breakpoints.runs_in_task():
        pdb.post_mortem(traceback)
        return
    last = traceback
    while last.tb_next is not None:
        last = last.tb_next
    debugger = _await_attached(_place_of(last.tb_frame), "raised, and waits")
    try:
        debugger.reset()
        debugger.interaction(None, traceback)
    finally:
        debugger.leave()


class _RemotePdb(pdb.Pdb):
    """Pdb for who attached."""

    def __init__(self, connection: socket.socket) -> None:
        # Two files: to write into one would throw away what was read ahead.
        self._typed: TextIO = connection.makefile("r", encoding="utf-8", errors="replace")
        self._shown: TextIO = connection.makefile("w", encoding="utf-8", errors="replace")
        super().__init__(stdin=self._typed, stdout=self._shown, nosigint=True, readrc=False)
        self.use_rawinput = False
        self.prompt = "(aktis-pdb) "

    def set_continue(self) -> None:
        """Goes on; without further breakpoints nobody will be needed."""
        super().set_continue()
        if not self.breaks:
            self.leave()

    def set_quit(self) -> None:
        """Has the task fail."""
        super().set_quit()
        self.leave()

    def do_EOF(self, arg: str) -> bool | None:  # noqa: N802 - pdb's name
        """Who attached is gone: the task goes on."""
        self.clear_all_breaks()
        return self.do_continue(arg)

    def leave(self) -> None:
        """Hangs up."""
        if _attached.debugger is self:
            _attached.debugger = None
        self._typed.close()
        # Who hung up first gets no last words.
        with contextlib.suppress(OSError):
            self._shown.close()


class _Attached(threading.local):
    """The debugger of this thread to which somebody is attached."""

    debugger: _RemotePdb | None = None


_attached = _Attached()


def _await_attached(place: str, why: str) -> _RemotePdb:
    with breakpoints.listening(place) as (point, listener):
        sys.stderr.write(f"{point.task} {why}, {place}; attach with: {COMMAND}\n")
        sys.stderr.flush()
        connection = _accepted(listener)
    with connection:
        debugger = _RemotePdb(connection)
    _attached.debugger = debugger
    return debugger


def _accepted(listener: socket.socket) -> socket.socket:
    """Who attached. Looks up now and then, so that a task that is cancelled ends."""
    listener.settimeout(LOOK_S)
    while True:
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            connection.settimeout(None)
            return connection


def _place_of(frame: FrameType | None) -> str:
    return "somewhere" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
