"""The supervisor of a fork server, spoken to as the daemon's loop does, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import json, os, signal, socket, struct, sys
from aktis.cluster import supervisor

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
request = struct.pack("<Q", 7)
command, act, count = json.loads(sys.argv[1])
watcher = supervisor.Supervisor(command, theirs.fileno())
exec(act)
told = []
for _ in range(count):
    message = ours.recv(4096)
    told.append([*struct.unpack_from("<4Q", message), message[40:].decode()])
ours.close()
watcher.end()
print(json.dumps(told))
"""
FAILED, ENDED, RESTARTED, TOLD_TO_STOP = 2, 3, 4, 5


def test_a_fork_server_that_always_dies_young_is_not_started_for_ever() -> None:
    *restarts, refused = told_by(["/bin/false"], "ours.send(request)", count=6)

    assert restarts == [[RESTARTED, 0, 0, 0, ""]] * 5
    reason = "the fork server ends as soon as it is started; see its log"
    assert refused == [FAILED, 7, 0, 0, reason]


def test_what_one_fork_server_did_not_answer_the_next_one_finds(tmp_path: Path) -> None:
    asked_before = str(tmp_path / "asked")
    fork_server = f"""
import os, socket
from aktis.cluster.fork_messages import FAILED, reply, understood

daemon = socket.socket(fileno=0)
worker, _ = understood(daemon.recv(99, socket.MSG_PEEK))
if not os.path.exists({asked_before!r}):
    os.close(os.open({asked_before!r}, os.O_CREAT))
    os._exit(1)
daemon.send(reply(FAILED, worker, reason="no room"))
"""

    told = told_by([sys.executable, "-c", fork_server], "ours.send(request)", count=2)

    assert told == [[RESTARTED, 0, 0, 0, ""], [FAILED, 7, 0, 0, "no room"]]


def test_signals_and_the_ends_of_other_children_are_told() -> None:
    die = "os.waitid(os.P_PID, os.posix_spawn('/bin/false', ['no'], {}), os.WEXITED | os.WNOWAIT)"

    told = told_by(["/bin/cat"], f"{die}; os.kill(os.getpid(), signal.SIGTERM)", count=2)

    ended, stop = sorted(told)
    assert (ended[0], ended[3]) == (ENDED, 1 << 8)
    assert stop == [TOLD_TO_STOP, 0, 0, 0, ""]


def told_by(command: list[str], act: str, *, count: int) -> list[list[Any]]:
    """The first that a supervisor of `command` tells, after `act`: kind, numbers and reason."""
    run = [sys.executable, "-c", PROGRAM, json.dumps([command, act, count])]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    told: list[list[Any]] = json.loads(done.stdout)
    return told
