"""Forks worker processes from one that has imported all they need.

`python -m aktis.cluster.fork_server DIRECTORY...` serves the daemon at its standard input and
removes the directories once that daemon is gone.

Owns: the prepared process and its children's ends. Does not own: which workers are wanted (the
daemon), what a worker does (`aktis._kernel.worker_main`), or its own life (`supervisor`). It has
one thread and never starts another, so that a fork is a faithful copy.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from typing import NamedTuple

from aktis._kernel import title, worker_main
from aktis.cluster import children
from aktis.cluster.fork_messages import (
    ENDED,
    FAILED,
    FORKED,
    MESSAGE_BYTES_MAX,
    reply,
    understood,
)

SOCKET_FD = 0
# How long workers may take to notice by themselves that their daemon is gone.
FAREWELL_S = 1.0
# The first workers are wanted at once; what only some need is imported when nobody waits.
PREPARE_AFTER_S = 0.1


class Request(NamedTuple):
    """A worker process that is wanted."""

    worker: int
    environment: str


class Ends(NamedTuple):
    """What a worker process talks to its daemon by, and what it writes to; or the daemon's side."""

    control_fd: int
    output_fd: int
    error_fd: int


class ForkServer:
    """The prepared process: serves requests until its daemon is gone."""

    def __init__(self, daemon: socket.socket) -> None:
        self.daemon = daemon
        self.wakeup_read, self.wakeup_write = os.pipe()
        os.set_blocking(self.wakeup_read, False)
        os.set_blocking(self.wakeup_write, False)
        signal.set_wakeup_fd(self.wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        self.children: set[int] = set()

    def serve(self) -> tuple[Request, Ends] | None:
        """Forks on demand. Returns in each child what it is, and None once the daemon is gone."""
        poller = select.poll()
        poller.register(self.daemon, select.POLLIN)
        poller.register(self.wakeup_read, select.POLLIN)
        idle_ms: float | None = PREPARE_AFTER_S * 1000
        while True:
            events = poller.poll(idle_ms)
            if not events:
                prepare()
                idle_ms = None
            for descriptor, _ in events:
                if descriptor == self.wakeup_read:
                    self.reap()
                    continue
                request = receive(self.daemon)
                if request is None:
                    return None
                ends = self.fork(request)
                if ends is not None:
                    return request, ends
                # Taken only now: a fork server that ends before it answered leaves it to the next.
                self.daemon.recv(MESSAGE_BYTES_MAX)

    def fork(self, request: Request) -> Ends | None:
        """Makes one worker process. Returns in the child its ends, and None here."""
        with contextlib.ExitStack() as opened:
            try:
                daemons, workers = make_ends(opened)
                pid = os.fork()
            except OSError as error:
                self.report(reply(FAILED, request.worker, reason=f"fork failed: {error}"))
                return None
            if pid == 0:
                opened.pop_all()
                for descriptor in daemons:
                    os.close(descriptor)
                return workers
            self.children.add(pid)
            self.report(reply(FORKED, request.worker, pid), *daemons)
        return None

    def reap(self) -> None:
        """Takes leave of children that ended and of their groups, and reports them."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wakeup_read, 4096):
                pass
        while self.children and (ended := children.reap()):
            self.children.discard(ended[0])
            self.report(reply(ENDED, 0, *ended))

    def report(self, message: bytes, *descriptors: int) -> None:
        """Tells the daemon. One that is gone is noticed elsewhere."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self.daemon, [message], descriptors)

    def bid_farewell(self) -> None:
        """Waits until the children noticed the daemon's end, then ends those that did not."""
        poller = select.poll()
        poller.register(self.wakeup_read, select.POLLIN)
        self.reap()
        deadline = time.monotonic() + FAREWELL_S
        while self.children and (left := deadline - time.monotonic()) > 0:
            poller.poll(left * 1000)
            self.reap()
        for pid in self.children:
            children.kill_group(pid)

    def leave(self) -> None:
        """In a child: lets go of all that belongs to the fork server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self.wakeup_read)
        os.close(self.wakeup_write)
        self.daemon.close()


def prepare() -> None:
    """Imports what later workers may need."""
    worker_main.prepare()
    share_pages()


def share_pages() -> None:
    """Has the collector never look again at what is there: its pages stay shared with children."""
    gc.collect()
    gc.freeze()


def make_ends(opened: contextlib.ExitStack) -> tuple[Ends, Ends]:
    """The daemon's ends and those of a new worker process; `opened` closes them."""
    made: list[tuple[int, int]] = []
    for make in (make_sockets, os.pipe, os.pipe):
        made.append(make())
        for descriptor in made[-1]:
            opened.callback(os.close, descriptor)
    ours, theirs = zip(*made, strict=True)
    return Ends(*ours), Ends(*theirs)


def make_sockets() -> tuple[int, int]:
    """Two connected sockets."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def receive(daemon: socket.socket) -> Request | None:
    """The next request, which stays to be taken, or None if the daemon is gone."""
    try:
        message = daemon.recv(MESSAGE_BYTES_MAX, socket.MSG_PEEK)
    except ConnectionResetError:
        return None
    return Request(*understood(message)) if message else None


def become_worker(request: Request, ends: Ends) -> int:
    """In a child: runs the worker; the answer is the exit code."""
    os.setsid()
    for source, target in ((ends.output_fd, 1), (ends.error_fd, 2)):
        os.dup2(source, target)
        os.close(source)
    for stream in (sys.stdout, sys.stderr):
        # A line that was printed is to be seen, even if the process is killed next.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    title.set_title("aktis: worker")
    if request.environment:
        os.environ.update(json.loads(request.environment).get("env_vars", {}))
    return worker_main.main(ends.control_fd, request.worker, request.environment) or 0


def main(arguments: list[str]) -> int:
    """Serves until the daemon is gone, then removes these directories; a child runs its worker."""
    daemon = socket.socket(fileno=os.dup(SOCKET_FD))
    daemon.setblocking(True)  # noqa: FBT003
    # Workers have nothing to read.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, SOCKET_FD)
    os.close(nothing)
    title.set_title("aktis: fork server")
    server = ForkServer(daemon)
    share_pages()
    worker = server.serve()
    if worker is not None:
        server.leave()
        return become_worker(*worker)
    server.bid_farewell()
    import shutil  # its cost matters at the start, not here

    for directory in arguments:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
