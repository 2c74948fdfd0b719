"""A cluster on this machine that lives as long as its session: one daemon, both node and head.

Owns: the socket that the daemon listens at, its start and the wait for it. Does not own: what the
machine has (`detect`), where files lie (`session_dir`), or the conversation with the daemon
(`aktis._kernel`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from aktis._kernel import forms
from aktis.cluster import detect, session_dir

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping
    from pathlib import Path

    from aktis.cluster.session_dir import SessionDir

START_LIMIT_S = 30.0
END_LIMIT_S = 5.0
LOG_BYTES_SHOWN_MAX = 4000
SESSION_VARIABLE = "AKTIS_SESSION"


class Resources(NamedTuple):
    """What the node of a new cluster offers."""

    amounts: dict[str, float]
    object_store_bytes: int
    gpu_ids: list[str]


class LocalCluster:
    """A running daemon and its session, which ends if its driver does before it connects."""

    def __init__(
        self, session: SessionDir, process: subprocess.Popen[bytes], starter: io.RawIOBase
    ) -> None:
        self.session = session
        self.process = process
        self._starter = starter

    def connected(self) -> None:
        """From now on the driver's end is that of its connection."""
        # A daemon that has ended is noticed by whoever speaks to it.
        with contextlib.suppress(BrokenPipeError), self._starter:
            self._starter.write(b"\1")

    def kill(self) -> None:
        """Ends the daemon now; the processes that it started notice that."""
        self._starter.close()
        self.process.kill()

    def wait(self) -> None:
        """Waits until the daemon has ended, which it does by itself when its driver hangs up.

        One that does not is killed.
        """
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


def resources(
    *,
    num_cpus: float | None,
    num_gpus: float | None,
    custom: Mapping[str, float],
    memory_bytes: int | None,
    object_store_bytes: int | None,
    visible_gpus: str | None,
) -> Resources:
    """What the node offers: what was given, and what was found for the rest.

    Args:
        num_cpus: CPUs, or None to count them.
        num_gpus: GPUs, or None to count them.
        custom: amounts by name, as they are.
        memory_bytes: memory for tasks and actors, or None for what the object store leaves.
        object_store_bytes: the size of the object store, or None for a share of the free memory.
        visible_gpus: the content of `CUDA_VISIBLE_DEVICES`, or None where it is not set.

    Raises:
        ValueError: more GPUs were asked for than may be seen.
    """
    gpu_ids = detect.gpus(visible_gpus)
    if num_gpus is not None and visible_gpus is not None and num_gpus > len(gpu_ids):
        message = (
            f"num_gpus={num_gpus:g}, but CUDA_VISIBLE_DEVICES={visible_gpus!r} shows "
            f"{len(gpu_ids)}; ask for fewer, or show more"
        )
        raise ValueError(message)
    store_bytes = detect.object_store_bytes() if object_store_bytes is None else object_store_bytes
    if memory_bytes is None:
        memory_bytes = max(0, detect.memory_free_bytes() - store_bytes)
    amounts: dict[str, float] = {
        **custom,
        "CPU": detect.cpus() if num_cpus is None else num_cpus,
        "memory": memory_bytes,
        "object_store_memory": store_bytes,
    }
    gpus = len(gpu_ids) if num_gpus is None else num_gpus
    if gpus:
        amounts["GPU"] = gpus
    return Resources(
        {name: amount for name, amount in amounts.items() if amount}, store_bytes, gpu_ids
    )


def start(
    offered: Resources,
    *,
    labels: Mapping[str, str],
    settings: Mapping[str, int],
    spill_directory: Path | None = None,
) -> LocalCluster:
    """Starts a daemon and waits until it takes connections.

    Raises:
        RuntimeError: the daemon ended, or was not ready in time; the message says what it wrote.
    """
    session = session_dir.create()
    starter_read, starter_write = os.pipe()
    try:
        configured = config(
            session, offered, labels=labels, settings=settings, spill_directory=spill_directory
        )
        process = launch(session, configured, starter_read)
    except BaseException:
        os.close(starter_write)
        session.remove()
        raise
    finally:
        os.close(starter_read)
        session.release()
    return LocalCluster(session, process, os.fdopen(starter_write, "wb", buffering=0))


def config(
    session: SessionDir,
    offered: Resources,
    *,
    labels: Mapping[str, str],
    settings: Mapping[str, int],
    spill_directory: Path | None,
) -> dict[str, object]:
    """What the daemon is told; the token stays in its file, as anybody can read a command line."""
    spill = session.spill if spill_directory is None else spill_directory / session.name
    fork_server = [sys.executable, "-P", "-m", "aktis.cluster.fork_server"]
    host = socket.gethostname()
    return {
        "session": session.name,
        "directory": str(session.path),
        "socket": str(session.socket),
        "token_file": str(session.token_file),
        "arena_bytes": offered.object_store_bytes,
        "spill_directory": str(spill),
        "fork_server": [*fork_server, str(session.path), str(spill)],
        "resources": forms.units(offered.amounts),
        "cpus": detect.cpus(),
        "labels": dict(labels),
        "facts": {
            "address": "127.0.0.1",
            "host": host,
            "socket": str(session.socket),
            "gpu_ids": ",".join(offered.gpu_ids),
        },
        "settings": dict(settings),
    }


def launch(
    session: SessionDir, configured: dict[str, object], starter_fd: int
) -> subprocess.Popen[bytes]:
    """Starts the daemon and waits until it is ready; it is ended if nobody waits to the end.

    Args:
        session: where it logs; it holds the session's lock too.
        configured: what it is told.
        starter_fd: what it reads a byte from once its driver is connected; it ends if none comes.
    """
    ready_read, ready_write = os.pipe()
    log_path = session.logs / "daemon.log"
    # Opened now, since the directory may go when the daemon does.
    with (
        os.fdopen(ready_read, "rb", buffering=0) as ready,
        log_path.open("wb") as log,
        log_path.open("rb") as written,
    ):
        try:
            loop, supervisor = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with loop, supervisor, listen(session.socket) as listener:
                loop.settimeout(0)
                passed = {
                    "ready_fd": ready_write,
                    "starter_fd": starter_fd,
                    "listener_fd": listener.fileno(),
                    "processes_fd": loop.fileno(),
                    "supervisor_fd": supervisor.fileno(),
                }
                process = spawn(session, configured, passed, log)
        finally:
            os.close(ready_write)
        try:
            await_ready(process, ready, written)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return process


def listen(path: Path) -> socket.socket:
    """A socket that processes of this user connect to, at a path in a directory of theirs alone."""
    listener = socket.socket(socket.AF_UNIX)
    directory_fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        # The kernel takes 107 bytes, which the path itself may exceed.
        listener.bind(f"/proc/self/fd/{directory_fd}/{path.name}")
    finally:
        os.close(directory_fd)
    listener.settimeout(0)
    listener.listen()
    return listener


def spawn(
    session: SessionDir, configured: dict[str, object], passed: dict[str, int], log: BinaryIO
) -> subprocess.Popen[bytes]:
    """Starts the daemon in a session of its own, so that no signal from a terminal reaches it.

    Args:
        session: it holds its lock, which the daemon is to have too.
        configured: what the daemon is told.
        passed: descriptors that it is to have, by what the configuration calls them.
        log: where it writes.
    """
    if session.lock_fd is not None:
        passed = {**passed, "lock_fd": session.lock_fd}
    configuration = json.dumps({**configured, **passed})
    command = [sys.executable, "-P", "-m", "aktis.cluster.daemon", configuration]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, SESSION_VARIABLE: session.name},
        pass_fds=tuple(passed.values()),
        start_new_session=True,
    )


def await_ready(process: subprocess.Popen[bytes], ready: io.RawIOBase, written: BinaryIO) -> None:
    """Waits until the daemon says that it is ready.

    Raises:
        RuntimeError: it ended first, or took too long.
    """
    poller = select.poll()
    poller.register(ready, select.POLLIN)
    readable = poller.poll(START_LIMIT_S * 1000)
    if readable and ready.read(1):
        return
    if readable:
        how = f"ended with exit code {process.wait()} before it was ready"
    else:
        how = f"was not ready within {START_LIMIT_S:g} s and is ended"
    message = f"the node daemon {how}; it wrote:\n{end_of(written) or '(nothing)'}"
    raise RuntimeError(message)


def end_of(written: BinaryIO) -> str:
    """The end of what the daemon wrote."""
    size = written.seek(0, os.SEEK_END)
    written.seek(max(0, size - LOG_BYTES_SHOWN_MAX))
    return written.read().decode(errors="replace").strip()
