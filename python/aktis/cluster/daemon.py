"""Runs the daemon of one node: `python -m aktis.cluster.daemon CONFIG`, CONFIG being a JSON object.

Owns: what becomes of the configuration. Does not own: the daemon itself (Rust, without the GIL), or
who starts it (`aktis.cluster.local`). Imports next to nothing: a cluster is there when this is.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

from aktis import _core


def main(arguments: list[str]) -> int:
    """Runs until the daemon is told to stop; the answer is the exit code."""
    config: dict[str, Any] = json.loads(arguments[0])
    # The lock says that the session lives; no process that the daemon starts may keep it.
    os.set_inheritable(config.pop("lock_fd"), False)  # noqa: FBT003
    ready_fd = config.pop("ready_fd")
    os.set_inheritable(ready_fd, False)  # noqa: FBT003
    with open(config.pop("token_file"), "rb") as file:  # noqa: PTH123 - pathlib costs milliseconds
        config["token"] = file.read()
    raise_descriptor_limit()
    try:
        _core.run_node(config, ready_fd=ready_fd, signals_fd=signals_as_descriptor())
    except Exception as error:  # noqa: BLE001 - whatever it is, it was raised outside of Python
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def signals_as_descriptor() -> int:
    """A descriptor from which the daemon reads the numbers of signals that it is sent."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        # The interpreter writes the number when the signal comes, whatever runs then.
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    return read_fd


def raise_descriptor_limit() -> None:
    """Lets the daemon and its workers open as many files as the system allows."""
    limit, limit_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(limit_max, 65536) if limit_max != resource.RLIM_INFINITY else 65536
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit_max))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
