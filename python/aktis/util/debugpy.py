"""Stops a task for an editor: debugpy, to which editors attach, listens on this machine only.

Needs the extra `aktis[debugpy]`. With `AKTIS_DEBUG=1` or `RAY_DEBUG=1` in the environment of the
workers, `breakpoint()` leads here. Without an editor there is `aktis.util.rpdb`.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["set_trace"]

# Whoever can connect can run code, so nobody outside this machine may.
HOST = "127.0.0.1"


def set_trace(frame: FrameType | None = None) -> None:
    """Waits until an editor is attached to this process, and stops there.

    Standard error says at which port; in a task that is the driver's terminal. A process listens
    once. Anybody who is on this machine can attach, so use it where you are alone.

    Args:
        frame: Where to stop; None is the caller.

    Raises:
        ImportError: debugpy is not installed.
    """
    frame = frame or sys._getframe().f_back  # noqa: SLF001 - the frame to stop in
    _await_editor()
    # Comes with debugpy, whose own function would stop here rather than at the caller.
    importlib.import_module("pydevd").settrace(
        suspend=True,
        trace_only_current_thread=True,
        patch_multiprocessing=False,
        stop_at_frame=frame,
    )


def _await_editor() -> None:
    try:
        debugpy: Any = importlib.import_module("debugpy")
    except ModuleNotFoundError:
        message = "this needs debugpy: pip install 'aktis[debugpy]'"
        raise ImportError(message) from None
    if debugpy.is_client_connected():
        return
    if not _listening:
        # Within this process: an adapter beside it would outlive it.
        _listening.append(debugpy.listen((HOST, 0), in_process_debug_adapter=True))
    _, port = _listening[0]
    sys.stderr.write(f"a breakpoint waits for an editor; attach it to {HOST}:{port}\n")
    sys.stderr.flush()
    debugpy.wait_for_client()


# Where debugpy listens in this process, once it does.
_listening: list[tuple[str, int]] = []
