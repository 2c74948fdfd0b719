"""Finds and reads the log files of this machine's session.

Owns where they are looked for. Does not own who writes them (`aktis.cluster`), nor what workers
print, which goes to the driver's terminal and into no file.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from aktis._kernel import session

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGS = "logs"


def files(pattern: str) -> list[str]:
    """The names of the log files that match a pattern, such as `*.log`."""
    return sorted(path.name for path in _directory().glob(pattern) if path.is_file())


def lines(name: str, tail: int) -> Iterator[bytes]:
    """The last `tail` lines of a log file, or all if that is negative, with their ends.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = _directory() / os.path.basename(name)  # noqa: PTH119 - nothing outside the directory
    with path.open("rb") as log:
        yield from log if tail < 0 else deque(log, maxlen=tail)


def _directory() -> Path:
    here = session.current()
    if here is None:
        message = "the logs of a cluster can be read in a session; call aktis.init() first"
        raise RuntimeError(message)
    return Path(here.session_dir) / LOGS
