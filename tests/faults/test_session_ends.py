"""What is left when the processes of a session are killed: nothing, within two seconds.

Owns the deaths of driver, node daemon and fork server. Ordinary ends are in
`tests/conformance/test_clean_ends`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.exceptions import AktisError, LocalNodeDiedError, WorkerCrashedError
from tests.conformance.drivers import start_driver
from tests.conformance.waiting import Gate, wait_for
from tests.faults.processes import (
    DAEMON,
    FORK_SERVER,
    WORKER,
    find_process,
    session_processes,
    shared_memory_mapped,
)

GONE_S = 2.0

BUSY_DRIVER = """
import pathlib, threading
import aktis
from tests.conformance.waiting import Gate

directory = pathlib.Path({directory!r})
first, second = Gate(directory / "task"), Gate(directory / "actor")

@aktis.remote
def hang(started):
    started.open()
    threading.Event().wait(60)

@aktis.remote
class Cell:
    def hang(self, started):
        started.open()
        threading.Event().wait(60)

context = aktis.init(address="local", num_cpus=2)
large = aktis.put(b"x" * 5_000_000)
cell = Cell.options(lifetime="detached", name="lasting").remote()
refs = [hang.remote(first), cell.hang.remote(second)]
first.wait()
second.wait()
part = directory / "session.part"
part.write_text(context.address_info["session_dir"])
part.rename(directory / "session")
try:
    aktis.get(refs)
except aktis.exceptions.LocalNodeDiedError as error:
    print("the node died:", error)
"""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A driver in the middle of a task, of a call and of a `get`, and its session's directory."""
    driver = start_driver(BUSY_DRIVER.format(directory=str(tmp_path)), directory=tmp_path)
    try:
        wait_for(lambda: (tmp_path / "session").exists() or driver.poll() is not None)
        assert driver.poll() is None, driver.communicate()
        yield driver, Path((tmp_path / "session").read_text())
    finally:
        driver.kill()
        driver.communicate()


def test_the_processes_of_a_session_are_those_the_design_names(session_directory: Path) -> None:
    @aktis.remote
    class Visible:
        def ping(self) -> bool:
            return True

    visible = Visible.remote()
    aktis.get([visible.ping.remote(), aktis.remote(lambda: 1).remote()])
    titles = list(session_processes(session_directory).values())

    assert sum(DAEMON in title for title in titles) == 1, titles
    assert sum(FORK_SERVER in title for title in titles) == 1, titles
    assert sum("aktis: Visible" in title for title in titles) == 1, titles
    assert sum(WORKER in title for title in titles) >= 1, titles


@pytest.mark.parametrize(
    "victim",
    ["driver", DAEMON, FORK_SERVER, "everything"],
    ids=["driver", "daemon", "fork_server", "everything"],
)
def test_nothing_is_left_after_a_kill(
    victim: str, busy: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    driver, directory = busy
    before = shared_memory_mapped()
    assert len(session_processes(directory)) >= 4, session_processes(directory)

    for process_id in processes_to_kill(victim, driver, directory):
        # Each may notice the end of the one before, and end by itself first.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)

    if victim == FORK_SERVER:
        # The node goes on without it, or ends; either way the end of the driver ends the rest.
        driver.kill()
    deadline = time.monotonic() + GONE_S
    wait_for(
        lambda: not others(session_processes(directory), driver),
        timeout_s=GONE_S,
        story=f"processes of the session are gone: {session_processes(directory)}",
    )
    if victim == "everything":
        # Nobody is left to tidy up; the next session on the machine does.
        begin_and_end_a_session(tmp_path)
    wait_for(lambda: not sockets(directory), timeout_s=max(0.1, deadline - time.monotonic()))
    driver.kill()
    driver.communicate()
    assert not (shared_memory_mapped() - before)


def test_nothing_is_left_of_a_driver_that_is_killed_before_it_has_connected(tmp_path: Path) -> None:
    program = """
import os, signal
import aktis
from aktis._kernel import session

def die(*, session_dir, **given):
    print(session_dir, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

session.connect = die
aktis.init(address="local", num_cpus=1)
"""
    stdout, stderr = start_driver(program, directory=tmp_path).communicate(timeout=60)
    assert stdout, stderr
    directory = Path(stdout.strip())

    wait_for(lambda: not session_processes(directory) and not directory.exists(), timeout_s=GONE_S)


def test_a_get_under_way_fails_when_the_daemon_is_killed(
    busy: tuple[subprocess.Popen[str], Path],
) -> None:
    driver, directory = busy

    os.kill(find_process(directory, DAEMON), signal.SIGKILL)
    stdout, stderr = driver.communicate(timeout=20)

    assert "the node died:" in stdout, stderr


def test_every_call_after_the_death_of_the_daemon_raises_at_once(session_directory: Path) -> None:
    os.kill(find_process(session_directory, DAEMON), signal.SIGKILL)
    calls: list[Callable[[], Any]] = [
        lambda: aktis.get(aktis.remote(lambda: 1).remote(), timeout=20),
        lambda: aktis.get(aktis.remote(Empty).remote().ping.remote(), timeout=20),
        lambda: aktis.put(np.ones(10_000_000)),
        lambda: aktis.get_actor("nobody"),
    ]

    for call in calls:
        before = time.monotonic()
        with pytest.raises(LocalNodeDiedError):
            call()
        assert time.monotonic() - before < 5


def test_waiting_threads_are_woken_when_the_daemon_is_killed(session_directory: Path) -> None:
    @aktis.remote
    def hang(started: Gate) -> None:
        started.open()
        threading.Event().wait(60)

    started = Gate(session_directory / "started")
    ref = hang.remote(started)
    caught: list[BaseException] = []

    def wait_in_thread() -> None:
        try:
            aktis.get(ref)
        except AktisError as error:
            caught.append(error)

    threads = [threading.Thread(target=wait_in_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait()
    os.kill(find_process(session_directory, DAEMON), signal.SIGKILL)
    for thread in threads:
        thread.join(20)

    assert [type(error) for error in caught] == [LocalNodeDiedError] * 3


def test_a_new_session_works_after_the_daemon_was_killed(session_directory: Path) -> None:
    os.kill(find_process(session_directory, DAEMON), signal.SIGKILL)
    aktis.shutdown()

    with aktis.init(address="local", num_cpus=2):
        assert aktis.get(aktis.remote(lambda: 42).remote()) == 42


def test_tasks_go_on_after_the_fork_server_was_killed(session_directory: Path) -> None:
    os.kill(find_process(session_directory, FORK_SERVER), signal.SIGKILL)

    def works() -> bool:
        try:
            refs = [aktis.remote(lambda: 42).options(max_retries=-1).remote() for _ in range(8)]
            return aktis.get(refs, timeout=20) == [42] * 8
        except AktisError:
            return False

    wait_for(works)
    assert aktis.get(aktis.remote(Empty).remote().ping.remote(), timeout=20) is True


def test_the_cause_of_a_worker_s_end_is_told_though_its_fork_server_ended_before(
    session_directory: Path,
) -> None:
    @aktis.remote(max_retries=0)
    def hang(started: Gate, note: Path) -> None:
        note.write_text(str(os.getpid()))
        started.open()
        threading.Event().wait(60)

    started, note = Gate(session_directory / "started"), session_directory / "note"
    ref = hang.remote(started, note)
    started.wait()
    fork_server = find_process(session_directory, FORK_SERVER)
    os.kill(fork_server, signal.SIGKILL)
    wait_for(lambda: find_process(session_directory, FORK_SERVER) != fork_server)

    os.kill(int(note.read_text()), signal.SIGUSR1)

    with pytest.raises(WorkerCrashedError, match="signal 10"):
        aktis.get(ref, timeout=20)


def test_a_worker_that_lies_idle_may_be_killed(session_directory: Path) -> None:
    aktis.get([aktis.remote(lambda: 1).remote() for _ in range(8)])
    processes = session_processes(session_directory)
    workers = [process_id for process_id, title in processes.items() if WORKER in title]
    assert workers

    for process_id in workers:
        os.kill(process_id, signal.SIGKILL)

    assert aktis.get([aktis.remote(lambda: 42).remote() for _ in range(8)], timeout=30) == [42] * 8


def processes_to_kill(victim: str, driver: subprocess.Popen[str], directory: Path) -> list[int]:
    """The ids of the processes that the word stands for, the driver last."""
    match victim:
        case "driver":
            return [driver.pid]
        case "everything":
            return [*others(session_processes(directory), driver), driver.pid]
        case _:
            return [find_process(directory, victim)]


def begin_and_end_a_session(directory: Path) -> None:
    """Runs a program, kept in `directory`, that uses a cluster of its own."""
    program = "import aktis\naktis.init(address='local', num_cpus=1)\naktis.shutdown()"
    driver = start_driver(program, directory=directory)
    _, errors = driver.communicate(timeout=30)
    assert driver.returncode == 0, errors


def others(processes: dict[int, str], driver: subprocess.Popen[str]) -> list[int]:
    """The ids without that of the driver."""
    return [process_id for process_id in processes if process_id != driver.pid]


def sockets(directory: Path) -> list[Path]:
    """The sockets in the session's directory."""
    return [path for path in directory.rglob("*") if path.is_socket()]


class Empty:
    """Nothing but an answer; made an actor where it is needed."""

    def ping(self) -> bool:
        return True
