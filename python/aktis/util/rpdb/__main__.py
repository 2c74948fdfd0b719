"""Lists the breakpoints at which tasks of this machine wait, and attaches a terminal to one.

Usage: python -m aktis.util.rpdb [number]
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys

from aktis.observe import breakpoints
from aktis.util.rpdb import COMMAND

CHUNK_BYTES = 64 * 1024
USAGE_ERROR = 2
# As shells tell of a command that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Attaches to the breakpoint of a number, or to the only one; the exit status."""
    found = breakpoints.waiting()
    if not found:
        sys.stderr.write("no task waits at a breakpoint\n")
        return 1
    number = arguments[0] if arguments else "1"
    if not arguments and len(found) > 1:
        sys.stdout.write(_listed(found))
        return 0
    if not number.isdecimal() or not 0 < int(number) <= len(found):
        sys.stderr.write(f"there is no breakpoint {number}; there are:\n{_listed(found)}")
        return USAGE_ERROR
    return attach(found[int(number) - 1])


def attach(point: breakpoints.Breakpoint) -> int:
    """Passes lines from here to the task and back, until it goes on; the exit status."""
    try:
        connection = breakpoints.attach(point)
    except OSError:
        sys.stderr.write(f"{point.task} does not wait any more\n")
        return 1
    # A task that goes on need not have read all that was typed.
    with connection, contextlib.suppress(ConnectionError):
        _pass_lines(connection)
    return 0


def _pass_lines(connection: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    answer = connection.recv(CHUNK_BYTES)
                    if not answer:
                        return
                    os.write(sys.stdout.fileno(), answer)
                elif typed := os.read(sys.stdin.fileno(), CHUNK_BYTES):
                    connection.sendall(typed)
                else:
                    selector.unregister(sys.stdin.fileno())
                    connection.shutdown(socket.SHUT_WR)


def _listed(found: list[breakpoints.Breakpoint]) -> str:
    lines = [
        f"{number}  {point.task} (pid={point.pid}) at {point.place}\n"
        for number, point in enumerate(found, start=1)
    ]
    return "".join([*lines, f"attach to one of them with: {COMMAND} <number>\n"])


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)
