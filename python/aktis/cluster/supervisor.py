"""Keeps a fork server running, takes leave of children and hears signals, beside the loop.

Owns: the fork server's life. Does not own: what it is asked, which goes from the loop straight to
it, over a socket that outlives it (`crates/shell/runtime/src/process.rs` says in which words).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

from aktis.cluster import children
from aktis.cluster.fork_messages import (
    ENDED,
    FAILED,
    MESSAGE_BYTES_MAX,
    RESTARTED,
    TOLD_TO_STOP,
    reply,
    understood,
)

# How often a fork server that dies young is started again before forks fail.
STARTS_MAX = 5
# How long a fork server must have lived for its death not to count.
YOUTH_S = 10.0
# How long killed processes may take to be gone: the kernel tears down large mappings in this time.
END_PATIENCE_S = 2.0
SIGNALS_MAX = 64


class Supervisor:
    """The thread. Its fork server is started at once.

    Args:
        command: the fork server's program and arguments.
        socket_fd: the end of the loop's socket that the fork server serves at its standard input.

    Raises:
        OSError: the fork server cannot be started.
    """

    def __init__(self, command: list[str], socket_fd: int) -> None:
        self.command = command
        self.socket_fd = socket_fd
        self.young_deaths = 0
        self.fork_server: int | None = None
        self.signals_fd, self.wakeup_fd = signals_as_descriptors()
        self.start()
        self.thread = threading.Thread(target=self.run, name="aktis-supervisor", daemon=True)
        self.thread.start()

    def start(self) -> None:
        """Starts a fork server."""
        served = [(os.POSIX_SPAWN_DUP2, self.socket_fd, 0)]
        try:
            self.fork_server = os.posix_spawn(
                self.command[0], self.command, os.environ, file_actions=served
            )
        except OSError as error:
            message = f"the fork server `{' '.join(self.command)}` cannot be started: {error}"
            raise OSError(message) from error
        self.started_at = time.monotonic()

    def run(self) -> None:
        """Tells of signals and ends, until the daemon ends."""
        with contextlib.suppress(BrokenPipeError):
            while numbers := os.read(self.signals_fd, SIGNALS_MAX):
                if set(numbers) != {signal.SIGCHLD}:
                    self.tell(TOLD_TO_STOP)
                # Many of one kind may be one.
                self.reap()

    def reap(self) -> None:
        """Takes leave of children: the fork server, and what those who started it left behind."""
        fork_server = self.fork_server
        with contextlib.suppress(ChildProcessError):
            while ended := children.reap():
                if ended[0] == self.fork_server:
                    self.fork_server = None
                else:
                    self.tell(ENDED, *ended)
        if self.fork_server is None and fork_server is not None:
            # Whatever is told from now on concerns the next one.
            self.tell(RESTARTED)
            self.restart()

    def restart(self) -> None:
        """Starts another fork server, unless too many died young: then requests are refused."""
        is_young = time.monotonic() - self.started_at < YOUTH_S
        self.young_deaths = self.young_deaths + 1 if is_young else 0
        reason = "the fork server ends as soon as it is started; see its log"
        if self.young_deaths < STARTS_MAX:
            try:
                return self.start()
            except OSError as error:
                reason = str(error)
        name = "aktis-refusing"
        threading.Thread(target=self.refuse, args=(reason,), name=name, daemon=True).start()
        return None

    def refuse(self, reason: str) -> None:
        """Answers in the fork server's place."""
        with contextlib.suppress(OSError):
            while request := os.read(self.socket_fd, MESSAGE_BYTES_MAX):
                worker, _ = understood(request)
                os.write(self.socket_fd, reply(FAILED, worker, reason=reason))

    def tell(self, kind: int, *numbers: int) -> None:
        """Tells the loop something that concerns no worker by name."""
        os.write(self.socket_fd, reply(kind, 0, *numbers))

    def end(self) -> None:
        """Ends the fork server, and takes leave of all children once the loop has ended."""
        signal.set_wakeup_fd(-1)
        os.close(self.wakeup_fd)
        self.thread.join()
        if self.fork_server is not None:
            children.kill_group(self.fork_server)
        children.await_end(END_PATIENCE_S)


def signals_as_descriptors() -> tuple[int, int]:
    """A pipe that brings the numbers of signals that this process is sent, until it is closed."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        # The interpreter writes the number when the signal comes, whatever runs then.
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    return read_fd, write_fd
