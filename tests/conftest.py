"""Fixtures for tests with real processes, and the check that none of them leaves anything behind.

Owns the sessions of tests that ask for no special one, `wait_for`, and the private directory for
temporary files in which leaked sockets are looked for. Does not own the sessions of conformance.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

CPUS = 4
POLL_INTERVAL_S = 0.01
WAIT_S = 30.0
# Processes end by themselves once their session has; this is how long they may take.
ENDING_S = 10.0
MARKER = "AKTIS_TEST_RUN"

Wait = Callable[..., None]


def pytest_configure(config: pytest.Config) -> None:
    """Gives this process a temporary directory and a mark that everything it starts inherits."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    # Short, since the path of a Unix socket has at most 107 bytes.
    directory = tempfile.TemporaryDirectory(prefix="at-", dir=os.environ["PYTEST_DEBUG_TEMPROOT"])
    config.add_cleanup(directory.cleanup)
    os.environ["TMPDIR"] = directory.name
    os.environ["XDG_RUNTIME_DIR"] = directory.name
    os.environ[MARKER] = uuid.uuid4().hex
    tempfile.tempdir = None


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No process and no socket outlives the module that started it."""
    yield
    if "aktis" not in sys.modules:
        return
    until(
        lambda: not processes_left(), timeout_s=ENDING_S, story=lambda: f"left: {processes_left()}"
    )
    assert not sockets_left(), f"sockets are left behind: {sockets_left()}"


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    """One local session with 4 CPUs for the whole module."""
    import aktis

    aktis.init(num_cpus=CPUS)
    try:
        # Otherwise the check for leaks would look in the wrong place and always pass.
        assert processes_left(), "the session's processes cannot be seen by the check for leaks"
        assert sockets_left(), f"the session keeps no socket under {tempfile.gettempdir()}"
        yield
    finally:
        aktis.shutdown()


@pytest.fixture
def start_session() -> Iterator[Callable[..., Any]]:
    """Starts a session as `aktis.init` does, with the test's own options; it ends with the test."""
    import aktis

    yield aktis.init
    aktis.shutdown()


@pytest.fixture(scope="session")
def wait_for() -> Wait:
    """Waits until a condition is true, at most `timeout_s`; fails with `story` otherwise."""

    def wait(
        condition: Callable[[], object], *, timeout_s: float = WAIT_S, story: str = ""
    ) -> None:
        until(condition, timeout_s=timeout_s, story=lambda: story or repr(condition))

    return wait


def until(condition: Callable[[], object], *, timeout_s: float, story: Callable[[], str]) -> None:
    """Returns as soon as `condition()` is true, and fails with the story after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not true after {timeout_s:g} s: {story()}")
        time.sleep(POLL_INTERVAL_S)


def processes_left() -> list[str]:
    """Names of the processes that this one started, even those that have another parent by now."""
    own = psutil.Process()
    found = {child.pid: child for child in own.children(recursive=True)}
    found |= {process.pid: process for process in psutil.process_iter() if is_marked(process)}
    found.pop(own.pid, None)
    return [described(process) for process in found.values()]


def is_marked(process: psutil.Process) -> bool:
    """Whether the process was started with this run's mark in its environment."""
    try:
        return process.environ().get(MARKER) == os.environ[MARKER]
    except psutil.Error:
        return False


def described(process: psutil.Process) -> str:
    """The process in a few words, if it is still there."""
    try:
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())[:120]}"
    except psutil.Error:
        return f"{process.pid} (gone meanwhile)"


def sockets_left() -> list[Path]:
    """The Unix sockets in the directory for temporary files."""
    root = Path(tempfile.gettempdir())
    return [path for path in root.rglob("*") if is_socket(path)]


def is_socket(path: Path) -> bool:
    """Whether a socket lies at the path."""
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return False
