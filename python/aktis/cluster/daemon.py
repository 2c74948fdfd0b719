"""Runs the daemon of one node: `python -m aktis.cluster.daemon CONFIG`, CONFIG being a JSON object.

Owns: what becomes of the configuration, the arena, and what is left at the end. Does not own: the
daemon itself (Rust, without the GIL), or who starts it (`aktis.cluster.local`). Imports next to
nothing: a cluster is there when this is.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import sys
import threading
from mmap import mmap
from typing import Any

from aktis import _core
from aktis.cluster import spill
from aktis.cluster.supervisor import Supervisor

# What `aktis.cluster.local` passes on by number.
INHERITED = (
    "lock_fd",
    "ready_fd",
    "starter_fd",
    "listener_fd",
    "processes_fd",
    "supervisor_fd",
)
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def main(arguments: list[str]) -> int:
    """Runs until the daemon is told to stop, then nothing of it is left; the exit code."""
    config: dict[str, Any] = json.loads(arguments[0])
    inherited = {name: config.pop(name) for name in INHERITED}
    for descriptor in inherited.values():
        # Least of all the lock, which says that the session lives: no process that the daemon
        # starts may keep it.
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    directories = [config.pop("directory"), config.pop("spill_directory")]
    with open(config.pop("token_file"), "rb") as file:  # noqa: PTH123 - pathlib costs milliseconds
        config["token"] = file.read()
    raise_descriptor_limit()
    try:
        supervisor = Supervisor(config.pop("fork_server"), inherited["supervisor_fd"])
        starter = (inherited["starter_fd"],)
        threading.Thread(target=await_driver, args=starter, daemon=True).start()
        try:
            serve(config, inherited, spill_directory=directories[-1])
        finally:
            supervisor.end()
    except Exception as error:  # noqa: BLE001 - whatever it is, it was raised outside of Python
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        remove(directories)
    return 0


def serve(config: dict[str, Any], inherited: dict[str, int], *, spill_directory: str) -> None:
    """Runs the loop, and beside it the thread that spills.

    Raises:
        OSError: it cannot begin or go on.
    """
    arena_fd, arena = make_arena(config["arena_bytes"])
    spiller, spiller_fds = spill.start(arena, spill_directory)
    _core.run_node(
        config,
        ready_fd=inherited["ready_fd"],
        processes_fd=inherited["processes_fd"],
        listener_fd=inherited["listener_fd"],
        arena_fd=arena_fd,
        spiller_fds=spiller_fds,
    )
    spiller.join()


def await_driver(starter_fd: int) -> None:
    """Has the daemon stop if who started it ends before it has connected: none would hang up."""
    if not os.read(starter_fd, 1):
        os.kill(os.getpid(), signal.SIGTERM)
    os.close(starter_fd)


def make_arena(size: int) -> tuple[int, mmap]:
    """Shared memory for all objects, which nobody can cut under its readers.

    Raises:
        OSError: the system does not have so much.
    """
    arena_fd = os.memfd_create("aktis", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(arena_fd, size)
        fcntl.fcntl(arena_fd, fcntl.F_ADD_SEALS, SEALS)
        return arena_fd, mmap(arena_fd, size)
    except (OSError, OverflowError) as error:
        message = (
            f"the object store of {size} bytes cannot be made; "
            f"try a smaller object_store_memory: {error}"
        )
        raise OSError(message) from error


def remove(directories: list[str]) -> None:
    """Removes socket, logs and spilled objects: they go with the session, however it ended."""
    import shutil  # its cost matters at the start, not here

    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def raise_descriptor_limit() -> None:
    """Lets the daemon and its workers open as many files as the system allows."""
    limit, limit_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(limit_max, 65536) if limit_max != resource.RLIM_INFINITY else 65536
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit_max))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
