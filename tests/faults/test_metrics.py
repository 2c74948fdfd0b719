"""What is left of metrics when a process is killed: nothing of the driver's, all of the page's.

Owns the page's ends. What killed workers counted is in `tests/conformance/test_metrics`.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import aktis
from aktis.util.metrics import Counter
from tests.conformance.drivers import start_driver
from tests.conformance.waiting import process_is_gone, wait_for
from tests.faults.processes import find_process, session_processes

DRIVER = """
import pathlib, threading
import aktis
from aktis.util.metrics import Counter
from tests.conformance.waiting import wait_for

directory = pathlib.Path({directory!r})
context = aktis.init(address="local", num_cpus=1)
Counter("counted").inc()
wait_for(lambda: aktis.nodes()[0]["MetricsExportPort"])
part = directory / "session.part"
port = aktis.nodes()[0]["MetricsExportPort"]
part.write_text(f"{{context.address_info['session_dir']}} {{port}}")
part.rename(directory / "session")
threading.Event().wait(60)
"""


def test_the_page_and_the_values_go_with_a_killed_driver(tmp_path: Path) -> None:
    driver = start_driver(DRIVER.format(directory=str(tmp_path)), directory=tmp_path)
    try:
        wait_for(lambda: (tmp_path / "session").exists() or driver.poll() is not None)
        assert driver.poll() is None, driver.communicate()
        path, port = (tmp_path / "session").read_text().split()
        assert answers(int(port))
        assert list(Path(path, "metrics").glob("*.numbers"))
    finally:
        driver.kill()
        driver.communicate()

    wait_for(lambda: not session_processes(Path(path)), story="the session's processes are gone")
    wait_for(lambda: not Path(path).exists(), story="the session's directory is gone")
    assert not answers(int(port))


def test_a_page_whose_process_was_killed_comes_back(session_directory: Path) -> None:
    Counter("counted").inc()
    wait_for(metrics_port)
    first = find_process(session_directory, "aktis: MetricsPage")

    os.kill(first, signal.SIGKILL)

    wait_for(lambda: process_is_gone(first))
    wait_for(lambda: answers(metrics_port()))


def metrics_port() -> int:
    found: int = aktis.nodes()[0]["MetricsExportPort"]
    return found


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
    except ConnectionRefusedError:
        return False
    return True
