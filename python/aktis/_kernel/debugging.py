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


def stop(*args: Any, **kwargs: Any) -> Any:
    """Stops the caller of `breakpoint()`, as the environment says."""
    if settings.variable(PYTHONS_CHOICE):
        return sys.__breakpointhook__(*args, **kwargs)  # noqa: T100 - this is its place
    chosen = DEBUGPY if settings.read(settings.DEBUG) == CHOOSES_DEBUGPY else RPDB
    return importlib.import_module(chosen).set_trace(sys._getframe().f_back)  # noqa: SLF001 - where


def look_at(error: Exception) -> None:
    """Lets somebody look at where an error was raised before it is reported."""
    importlib.import_module(RPDB).post_mortem(error.__traceback__)
