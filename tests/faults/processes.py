"""Finds the processes of a session from outside, by what the kernel tells of them.

Owns reading `/proc`. Ends no process: tests do, with `os.kill`.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.conformance.waiting import process_is_gone, wait_for

DAEMON = "aktis.cluster.daemon"
FORK_SERVER = "aktis: fork server"
WORKER = "aktis: worker"


def session_processes(session_directory: Path) -> dict[int, str]:
    """The living processes of the session, except this one: id and title."""
    marker = f"AKTIS_SESSION={session_directory.name}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if marker in environment and not process_is_gone(int(entry.name)):
            found[int(entry.name)] = title
    return found


def find_process(session_directory: Path, title: str) -> int:
    """The id of the one process of the session whose title holds `title`, once it has that title.

    Raises:
        AssertionError: there is none, or more than one.
    """
    titled: list[int] = []

    def one_is_titled() -> bool:
        everything = session_processes(session_directory)
        titled[:] = [process_id for process_id, text in everything.items() if title in text]
        return len(titled) == 1

    wait_for(one_is_titled, story=f"one process of the session is titled {title!r}")
    return titled[0]


def descriptors_open(process_id: int) -> int:
    """How many file descriptors the process holds."""
    return len(list(Path(f"/proc/{process_id}/fd").iterdir()))


def shared_memory_mapped() -> set[str]:
    """The names of shared memory that a process maps or the file system shows, of all sessions."""
    names = {str(path) for path in Path("/dev/shm").iterdir()}  # noqa: S108
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = (entry / "maps").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        names |= {line.split(maxsplit=5)[5] for line in lines if "/memfd:aktis" in line}
    return names
