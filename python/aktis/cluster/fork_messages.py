"""What the daemon's loop asks its fork server, and what that and its supervisor tell the loop.

Owns: the layout of these datagrams, as `crates/shell/runtime/src/process.rs` lists them. Does not
own: who says what, and when.
"""

from __future__ import annotations

import struct

MESSAGE_BYTES_MAX = 256 << 10
FORKED, FAILED, ENDED, RESTARTED, TOLD_TO_STOP = 1, 2, 3, 4, 5

_REQUEST = struct.Struct("<Q")
_REPLY = struct.Struct("<QQQQQ")


def understood(request: bytes) -> tuple[int, str]:
    """The worker that is asked for, and its runtime environment."""
    (worker,) = _REQUEST.unpack_from(request)
    return worker, request[_REQUEST.size :].decode()


def reply(kind: int, worker: int, *numbers: int, reason: str = "") -> bytes:
    """What is told; numbers that are not given are 0."""
    missing = 3 - len(numbers)
    return _REPLY.pack(kind, worker, *numbers, *[0] * missing) + reason.encode()
