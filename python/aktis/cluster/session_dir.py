"""Where a session's socket, token, spilled objects and logs lie: `<tmp>/aktis-<uid>/<session>`.

Owns: the directories, that only their user can enter them, and the removal of those whose daemon is
dead. Does not own: what is written there.

A session lives as long as somebody holds the lock on its file `lock`: first the process that makes
it, then its daemon. The kernel lets go of the lock however the holder ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

TOKEN_BYTES = 32
PRIVATE = 0o700


class SessionDir:
    """The directory of one session."""

    __slots__ = ("lock_fd", "path")

    def __init__(self, path: Path, *, lock_fd: int | None = None) -> None:
        self.path = path
        self.lock_fd = lock_fd

    @property
    def name(self) -> str:
        """The name of the session."""
        return self.path.name

    @property
    def socket(self) -> Path:
        """The node's Unix socket."""
        return self.path / "socket"

    @property
    def token_file(self) -> Path:
        """What every process of the cluster knows and no other; readable for the user alone."""
        return self.path / "token"

    @property
    def spill(self) -> Path:
        """Where spilled objects lie if nothing else is set."""
        return self.path / "spill"

    @property
    def logs(self) -> Path:
        """Where the daemon and the fork server write what goes wrong."""
        return self.path / "logs"

    @property
    def lock(self) -> Path:
        """The file whose lock says that the session lives."""
        return self.path / "lock"

    def is_alive(self) -> bool:
        """Whether somebody holds the lock."""
        try:
            lock_fd = os.open(self.lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock_fd)
        return False

    def release(self) -> None:
        """Lets go of this process's part of the lock; the daemon has its own."""
        if self.lock_fd is not None:
            os.close(self.lock_fd)
            self.lock_fd = None

    def remove(self) -> None:
        """Removes the directory and all in it; what is already gone is no error."""
        shutil.rmtree(self.path, ignore_errors=True)


def root() -> Path:
    """The directory of all sessions of this user.

    Raises:
        PermissionError: somebody else could enter it.
    """
    path = Path(tempfile.gettempdir()) / f"aktis-{os.getuid()}"
    path.mkdir(mode=PRIVATE, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        message = (
            f"{path} is not a directory that you alone can enter: a session there would be open to "
            f"others; remove it, or point TMPDIR elsewhere"
        )
        raise PermissionError(message)
    return path


def create() -> SessionDir:
    """Makes the directory of a new session, holds its lock, and removes those of dead sessions."""
    parent = root()
    remove_stale(parent)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    # Made under a name that `remove_stale` passes over until its lock is held.
    hidden = parent / f".{stamp}-{os.urandom(4).hex()}"
    hidden.mkdir(mode=PRIVATE)
    lock_fd = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    path = hidden.with_name(hidden.name[1:])
    hidden.rename(path)
    session = SessionDir(path, lock_fd=lock_fd)
    session.logs.mkdir(mode=PRIVATE)
    token_fd = os.open(
        session.token_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600
    )
    try:
        os.write(token_fd, os.urandom(TOKEN_BYTES))
    finally:
        os.close(token_fd)
    return session


def running() -> list[SessionDir]:
    """The sessions of this user that live, the oldest first."""
    return [session for session in sessions(root()) if session.is_alive()]


def sessions(parent: Path) -> list[SessionDir]:
    """All sessions below a directory, alive or not, the oldest first."""
    names = sorted(entry.name for entry in os.scandir(parent) if not entry.name.startswith("."))
    return [SessionDir(parent / name) for name in names]


def remove_stale(parent: Path) -> None:
    """Removes the directories of sessions whose daemon is dead."""
    for session in sessions(parent):
        if not session.is_alive():
            session.remove()
