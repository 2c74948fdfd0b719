"""A cluster on this machine that lives as long as its session: one daemon, both node and head.

Owns: the start of the daemon and the wait for it. Does not own: what the machine has (`detect`),
where files lie (`session_dir`), or the conversation with the daemon (`aktis._kernel`).
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from aktis._kernel import forms
from aktis.cluster import detect, session_dir

if TYPE_CHECKING:
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


class Address(NamedTuple):
    """What a driver must know to connect."""

    session: str
    socket: Path
    token: bytes


class LocalCluster:
    """A running daemon and its session."""

    def __init__(
        self, session: SessionDir, process: subprocess.Popen[bytes], address: Address
    ) -> None:
        self.session = session
        self.process = process
        self.address = address

    def wait(self) -> None:
        """Waits until the daemon has ended, which it does by itself when its driver hangs up.

        One that does not is killed: the processes that it started notice that.
        """
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
    ready_read, ready_write = os.pipe()
    try:
        process = launch(
            session,
            ready_write,
            config(
                session,
                offered,
                labels=labels,
                settings=settings,
                spill_directory=spill_directory,
            ),
        )
        os.close(ready_write)
        await_ready(session, process, ready_read)
    except BaseException:
        session.remove()
        raise
    finally:
        os.close(ready_read)
        session.release()
    address = Address(session.name, session.socket, session.token_file.read_bytes())
    return LocalCluster(session, process, address)


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
        "lock_fd": session.lock_fd,
    }


def launch(
    session: SessionDir, ready_fd: int, configured: dict[str, object]
) -> subprocess.Popen[bytes]:
    """Starts the daemon in a session of its own, so that no signal from a terminal reaches it."""
    configured = {**configured, "ready_fd": ready_fd}
    command = [sys.executable, "-P", "-m", "aktis.cluster.daemon", json.dumps(configured)]
    lock_fd = session.lock_fd
    passed = (ready_fd,) if lock_fd is None else (ready_fd, lock_fd)
    with (session.logs / "daemon.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, SESSION_VARIABLE: session.name},
            pass_fds=passed,
            start_new_session=True,
        )


def await_ready(session: SessionDir, process: subprocess.Popen[bytes], ready_fd: int) -> None:
    """Waits until the daemon says that it is ready.

    Raises:
        RuntimeError: it ended first, or took too long.
    """
    readable, _, _ = select.select([ready_fd], [], [], START_LIMIT_S)
    if readable and os.read(ready_fd, 1):
        return
    if readable:
        how = f"ended with exit code {process.wait()} before it was ready"
    else:
        process.kill()
        process.wait()
        how = f"was not ready within {START_LIMIT_S:g} s and was ended"
    message = f"the node daemon {how}; it wrote:\n{log_end(session) or '(nothing)'}"
    raise RuntimeError(message)


def log_end(session: SessionDir) -> str:
    """The end of what the daemon wrote."""
    with (session.logs / "daemon.log").open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - LOG_BYTES_SHOWN_MAX))
        return log.read().decode(errors="replace").strip()
