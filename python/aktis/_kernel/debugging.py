"""Where `breakpoint()` in a worker leads, and what an error may be looked at with.

Owns the choice of the debugger. Does not own debuggers: they are above, and loaded by name when one
is needed.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from aktis import settings

RPDB = "aktis.util.rpdb"
DEBUGPY = "aktis.util.debugpy"
CHOOSES_DEBUGPY = "1"
# Python's own variable for where breakpoint() leads.
PYTHONS_CHOICE = "PYTHONBREAKPOINT"


def put_into_use() -> None:
    """Has `breakpoint()` in this process lead to `stop`, unless Python's own variable is set."""
    # Debuggers stop in the frame that calls them, so that nothing may stand in between.
    if not settings.variable(PYTHONS_CHOICE):
        sys.breakpointhook = stop


def stop(*_args: Any, **_kwargs: Any) -> Any:
    """Stops the caller of `breakpoint()`, as the environment says."""
    chosen = DEBUGPY if settings.read(settings.DEBUG) == CHOOSES_DEBUGPY else RPDB
    return importlib.import_module(chosen).set_trace(sys._getframe().f_back)  # noqa: SLF001 - where


def look_at(error: Exception) -> None:
    """Lets somebody look at where an error was raised before it is reported."""
    importlib.import_module(RPDB).post_mortem(error.__traceback__)
