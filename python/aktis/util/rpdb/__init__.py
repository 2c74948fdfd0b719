"""A debugger for tasks: `breakpoint()` waits until a terminal attaches, then it is pdb.

`python -m aktis.util.rpdb` lists the breakpoints at which tasks of this machine wait, and attaches.
Owns the debugger in the task's process. Does not own the terminal's side (`__main__`), nor where
the two meet (`aktis.observe.breakpoints`).
"""

from __future__ import annotations

import contextlib
import dis
import io
import pdb  # noqa: T100 - this is a debugger
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from aktis.observe import breakpoints

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["post_mortem", "set_trace"]

COMMAND = "python -m aktis.util.rpdb"
LOOK_S = 0.5
# Modules that call what a task is.
CALLERS = ("aktis._kernel.", "threading")
YIELD = dis.opmap["YIELD_VALUE"]
T = TypeVar("T")


def set_trace(frame: FrameType | None = None) -> None:
    """Stops here. In a task, waits until somebody attaches; elsewhere it is `pdb.set_trace`.

    The task holds its resources meanwhile. It goes on after `continue`, or when who attached goes;
    after `quit` it fails.

    Args:
        frame: Where to stop; None is the caller.
    """
    frame = frame or sys._getframe(1)  # noqa: SLF001 - as pdb does
    if not breakpoints.runs_in_task():
        pdb.Pdb().set_trace(frame)
        return
    debugger = _attached.debugger or _await_attached(frame, "waits at a breakpoint")
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
    debugger = _await_attached(last.tb_frame, "raised, and waits")
    try:
        debugger.reset()
        debugger.interaction(None, traceback)
    finally:
        debugger.leave()


class _RemotePdb(pdb.Pdb):
    """Pdb for who attached, until the task is over whose outermost frame it is given."""

    def __init__(self, connection: socket.socket, outermost: FrameType) -> None:
        line = _Line(connection)
        # Two files: to write into one would throw away what was read ahead.
        self._typed = io.TextIOWrapper(io.BufferedReader(line), "utf-8", "replace")
        self._shown = io.TextIOWrapper(io.BufferedWriter(line), "utf-8", "replace")
        super().__init__(stdin=self._typed, stdout=self._shown, nosigint=True, readrc=False)
        self.use_rawinput = False
        self.prompt = "(aktis-pdb) "
        self._outermost = outermost

    def _cmdloop(self) -> None:
        """Takes commands; what interrupts them ends the task, not a command as in pdb."""
        try:
            self.cmdloop()
        except KeyboardInterrupt:
            self.leave()
            raise

    def dispatch_return(self, frame: FrameType, arg: Any) -> Any:
        """Nobody is needed once the task is over, whatever breakpoints are set."""
        traced = super().dispatch_return(frame, arg)
        if frame is self._outermost and not _yields(frame):
            self.clear_all_breaks()
            self.set_continue()
        return traced

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
        """Hangs up. Breakpoints go, or else the next debugger of this process would have them."""
        if _attached.debugger is self:
            _attached.debugger = None
        self.clear_all_breaks()
        self._shown.close()
        self._typed.close()


class _Line(io.RawIOBase):
    """The connection to who attached: who is gone types nothing more, and is shown nothing more."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(LOOK_S)
        self._connection = connection

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            return _patiently(lambda: self._connection.recv_into(buffer))
        except ConnectionError:
            return 0

    def write(self, data: ReadableBuffer) -> int:
        try:
            return _patiently(lambda: self._connection.send(data))
        except ConnectionError:
            return memoryview(data).nbytes

    def close(self) -> None:
        super().close()
        self._connection.close()


class _Attached(threading.local):
    """The debugger of this thread to which somebody is attached."""

    debugger: _RemotePdb | None = None


_attached = _Attached()


def _await_attached(frame: FrameType, why: str) -> _RemotePdb:
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    with breakpoints.listening(place) as (point, listener):
        sys.stderr.write(f"{point.task} {why}, {place}; attach with: {COMMAND}\n")
        sys.stderr.flush()
        listener.settimeout(LOOK_S)
        connection, _ = _patiently(listener.accept)
    debugger = _RemotePdb(connection, _outermost(frame))
    _attached.debugger = debugger
    return debugger


def _patiently(wait: Callable[[], T]) -> T:
    """The same, but looks up now and then: a signal just before a wait would not end it."""
    while True:
        with contextlib.suppress(TimeoutError):
            return wait()


def _outermost(frame: FrameType) -> FrameType:
    """The frame with which the task began that runs in this one."""
    while (outer := frame.f_back) is not None:
        if outer.f_globals.get("__name__", "").startswith(CALLERS):
            break
        frame = outer
    return frame


def _yields(frame: FrameType) -> bool:
    """Whether a frame that returns to its caller is a generator's or coroutine's, and goes on."""
    return frame.f_code.co_code[frame.f_lasti] == YIELD
