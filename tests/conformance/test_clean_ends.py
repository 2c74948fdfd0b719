"""What is left after a session: nothing.

Owns the ordinary ends: `shutdown`, the end of the script, an error, an interrupt. Violent ends are
in `tests/faults`.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from pathlib import Path

import psutil
import pytest

import aktis
from tests.conformance.drivers import start_driver
from tests.conformance.waiting import Gate, wait_for
from tests.faults.processes import descriptors_open, session_processes

pytestmark = pytest.mark.usefixtures("no_session")

ENDS = {
    "end_of_script": "",
    "shutdown": "aktis.shutdown()",
    "error": "raise ValueError('the end')",
    "sys_exit": "raise SystemExit(3)",
    "pending_tasks": "[hang.remote() for _ in range(8)]",
    "living_actors": "cells = [Cell.remote() for _ in range(2)]; aktis.get(cells[1].ping.remote())",
    "detached_actors": "Cell.options(lifetime='detached', name='a').remote()",
    "interrupt": "os.kill(os.getpid(), signal.SIGINT)",
    "told_to_end": "os.kill(os.getpid(), signal.SIGTERM)",
}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_left_after(name: str, tmp_path: Path) -> None:
    driver = start_driver(
        f"""
import os, pathlib, signal, threading
import aktis
from tests.faults.processes import session_processes

@aktis.remote
def hang():
    threading.Event().wait(60)

@aktis.remote
class Cell:
    def ping(self):
        return True

context = aktis.init(address="local", num_cpus=2)
aktis.get(aktis.remote(lambda: 1).remote())
directory = pathlib.Path(context.address_info["session_dir"])
print(directory, len(session_processes(directory)), flush=True)
{ENDS[name]}
""",
        directory=tmp_path,
    )
    stdout, stderr = driver.communicate(timeout=40)

    assert stdout.strip(), stderr
    path, processes = stdout.split()[:2]
    session_directory = Path(path)
    assert int(processes) >= 3, "daemon, fork server and worker cannot be found"
    wait_for(lambda: not session_processes(session_directory), timeout_s=2)
    assert not [path for path in session_directory.rglob("*") if path.is_socket()]


def test_shutdown_may_wait_for_the_processes() -> None:
    context = aktis.init(address="local", num_cpus=2)
    aktis.get(aktis.remote(lambda: 1).remote())
    session_directory = Path(context.address_info["session_dir"])
    assert session_processes(session_directory)

    aktis.shutdown(wait_for_processes=True)

    assert session_processes(session_directory) == {}


def test_sessions_one_after_the_other_leave_no_thread_and_no_descriptor() -> None:
    with aktis.init(address="local", num_cpus=1):
        aktis.get(aktis.remote(lambda: 1).remote())
    threads, descriptors = threading.active_count(), descriptors_open(os.getpid())

    for _ in range(3):
        with aktis.init(address="local", num_cpus=1):
            aktis.get(aktis.remote(lambda: 1).remote())

    wait_for(lambda: threading.active_count() <= threads)
    wait_for(lambda: descriptors_open(os.getpid()) <= descriptors)


def test_an_interrupt_while_a_session_begins_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poll = select.poll

    class InterruptedPoll:
        def __init__(self) -> None:
            self.register = (poller := poll()).register
            self.wait = poller.poll

        def poll(self, timeout_ms: float) -> None:
            self.wait(timeout_ms)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(select, "poll", InterruptedPoll)
        with pytest.raises(KeyboardInterrupt):
            aktis.init(address="local", num_cpus=1)

    assert not aktis.is_initialized()
    wait_for(lambda: not psutil.Process().children(recursive=True), timeout_s=2)


def test_an_interrupt_ends_a_get_and_the_session_works_on(tmp_path: Path) -> None:
    driver = start_driver(
        f"""
import os, signal, threading
import aktis
from tests.conformance.waiting import Gate

gate = Gate(__import__("pathlib").Path({str(tmp_path / "started")!r}))

@aktis.remote
def hang():
    gate.open()
    threading.Event().wait(60)

aktis.init(address="local", num_cpus=2)
ref = hang.remote()
try:
    aktis.get(ref)
except KeyboardInterrupt:
    print("interrupted", aktis.get(aktis.remote(lambda: 42).remote()), flush=True)
""",
        directory=tmp_path,
    )
    Gate(tmp_path / "started").wait()
    driver.send_signal(signal.SIGINT)
    stdout, stderr = driver.communicate(timeout=40)

    assert "interrupted 42" in stdout, stderr
