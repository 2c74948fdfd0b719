"""The breakpoints of this machine at which tasks wait for somebody who attaches.

Owns where they are noted, beside the sockets to attach to, and that only their user can reach them.
Does not own the debugger (`aktis.util.rpdb`).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aktis._kernel import context, session
from aktis.cluster import session_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = "debug"
PRIVATE = 0o700
NOTE_SUFFIX = ".json"


@dataclass(frozen=True)
class Breakpoint:
    """A place where a task waits.

    Attributes:
        socket: Where to attach.
        task: What people call the task.
        task_id: The task, in hexadecimal.
        pid: Its process.
        place: File and line.
    """

    socket: str
    task: str
    task_id: str
    pid: int
    place: str


def runs_in_task() -> bool:
    """Whether the caller is code of a task or an actor, whose terminal is elsewhere."""
    return context.current() is not None


@contextlib.contextmanager
def listening(place: str) -> Iterator[tuple[Breakpoint, socket.socket]]:
    """Notes that the task of the caller waits at a place, and listens for who attaches there.

    Raises:
        RuntimeError: no task runs here.
    """
    task, here = context.current(), session.current()
    if task is None or here is None:
        message = "only a task or a method of an actor can wait at a breakpoint to be attached to"
        raise RuntimeError(message)
    directory = Path(here.session_dir) / DIRECTORY
    directory.mkdir(mode=PRIVATE, exist_ok=True)
    path = directory / f"{os.getpid()}-{here.engine.new_number()}"
    found = Breakpoint(str(path), task.task_name, task.task_id.hex(), os.getpid(), place)
    part, note = path.with_suffix(".part"), path.with_suffix(NOTE_SUFFIX)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            with _shortened(path) as short:
                listener.bind(short)
            listener.listen(1)
            # The note comes last and whole, so that who finds it can read it and attach.
            part.write_text(json.dumps(asdict(found)), encoding="utf-8")
            part.rename(note)
            yield found, listener
    finally:
        for file in (note, part, path):
            file.unlink(missing_ok=True)


def waiting() -> list[Breakpoint]:
    """The breakpoints of all living sessions of this user at which tasks wait, by process."""
    return [point for living in session_dir.running() for point in _waiting_in(living.path)]


def waiting_here() -> list[Breakpoint]:
    """Those of this process's session alone: other sessions have tasks of the same ids."""
    here = session.current()
    return [] if here is None else _waiting_in(Path(here.session_dir))


def attach(point: Breakpoint) -> socket.socket:
    """Connects to a task that waits.

    Raises:
        OSError: it does not wait any more.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _shortened(Path(point.socket)) as short:
            connection.connect(short)
    except BaseException:
        connection.close()
        raise
    return connection


def _waiting_in(path: Path) -> list[Breakpoint]:
    found = []
    for note in sorted((path / DIRECTORY).glob(f"*{NOTE_SUFFIX}")):
        # A task that goes on meanwhile takes its note along.
        with contextlib.suppress(FileNotFoundError):
            found.append(Breakpoint(**json.loads(note.read_text(encoding="utf-8"))))
    return [one for one in found if Path(f"/proc/{one.pid}").exists()]


@contextlib.contextmanager
def _shortened(path: Path) -> Iterator[str]:
    """The path in a form that the system takes for a socket, however deep its directory lies."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
