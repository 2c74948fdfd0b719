"""What happens at a `breakpoint()` in a task: who is told, who can attach, and how it goes on.

Owns real clients: the command that attaches, over pipes and a terminal, and one of an editor.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aktis
from aktis.observe import breakpoints
from aktis.observe.breakpoints import Breakpoint, waiting
from aktis.util import state
from aktis.util.rpdb import __main__ as command
from tests.conformance.drivers import Driver, start_driver
from tests.conformance.waiting import Gate, wait_for

COMMAND = [sys.executable, "-m", "aktis.util.rpdb"]
CLIENT_LIMIT_S = 30.0


@pytest.fixture(scope="module", autouse=True)
def debugged() -> Iterator[aktis.Context]:
    """A session of two CPUs."""
    with aktis.init(address="local", num_cpus=2) as context:
        yield context


@aktis.remote(max_retries=0)
def adds_one(number: int) -> int:
    more = number + 1
    breakpoint()
    return more


def test_a_task_stops_at_a_breakpoint_and_goes_on_after_continue() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)
    (row,) = state.list_tasks(filters=[("is_debugger_paused", "=", True)])
    assert (row.task_id, row.state) == (ref.task_id().hex(), "RUNNING")

    shown = attach("p number, more\nc\n")

    assert "(3, 4)" in shown
    assert aktis.get(ref) == 4
    assert waiting() == []


def test_the_values_of_a_task_can_be_changed() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)

    attach("more = 40\nc\n")

    assert aktis.get(ref) == 40


def test_a_task_fails_after_quit() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)

    attach("q\n")

    with pytest.raises(aktis.exceptions.TaskError, match="BdbQuit"):
        aktis.get(ref)


def test_a_task_goes_on_when_who_attached_goes() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)

    attach("p more\n")

    assert aktis.get(ref) == 4


def test_a_breakpoint_set_from_within_stops_the_task_again() -> None:
    @aktis.remote
    def counts() -> int:
        total = 0
        breakpoint()
        for number in range(3):
            total += number
        return total

    ref = counts.remote()
    (point,) = await_waiting(1)
    file, _, line = point.place.rpartition(":")
    place = f"{file}:{int(line) + 2}"

    shown = attach(f"b {place}\nc\np number\nc\np number\ncl {place}\nc\n")

    assert re.findall(r"^\(aktis-pdb\) (\d)$", shown, re.MULTILINE) == ["0", "1"]
    assert aktis.get(ref) == 3


def test_a_task_goes_on_when_who_attached_is_gone_before_it_stops_again(gate: Gate) -> None:
    @aktis.remote(max_retries=0)
    def stops_later() -> int:
        breakpoint()
        gate.wait()
        return 7

    ref = stops_later.remote()
    (point,) = await_waiting(1)
    line = int(point.place.rpartition(":")[2]) + 2
    with breakpoints.attach(point) as connection:
        connection.sendall(f"b {line}\n".encode())
        read_until(connection.fileno(), f":{line}\n(aktis-pdb) ")
        connection.sendall(b"c\n")
    gate.open()

    assert aktis.get(ref) == 7


@pytest.mark.parametrize("kind", ["plain", "generator"])
def test_the_end_of_a_task_ends_the_debugger_though_breakpoints_are_set(kind: str) -> None:
    @aktis.remote
    def stops_twice() -> int:
        breakpoint()
        return 7

    @aktis.remote
    def yields_twice() -> Iterator[int]:
        breakpoint()
        yield 6
        yield 7

    made = stops_twice.remote() if kind == "plain" else yields_twice.remote()
    (point,) = await_waiting(1)
    line = int(point.place.rpartition(":")[2]) + 1

    shown = attach(f"b {line}\nc\nc\n")

    assert re.search(rf"Breakpoint \d+ at .*:{line}$", shown, re.MULTILINE)
    refs = [made] if isinstance(made, aktis.ObjectRef) else list(made)
    assert aktis.get(refs) == ([7] if kind == "plain" else [6, 7])


def test_the_command_works_over_a_terminal() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)
    ours, theirs = pty.openpty()
    with subprocess.Popen(COMMAND, stdin=theirs, stdout=theirs, stderr=theirs) as client:
        os.close(theirs)
        shown = read_until(ours, "(aktis-pdb) ")
        os.write(ours, b"p more * 10\n")
        shown += read_until(ours, "(aktis-pdb) ")
        os.write(ours, b"c\n")

        assert client.wait(CLIENT_LIMIT_S) == 0
    os.close(ours)
    assert re.search(r"^40\r$", shown, re.MULTILINE)
    assert aktis.get(ref) == 4


def test_who_leaves_by_ctrl_c_sees_no_traceback() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe) as client:
        assert client.stdout is not None
        shown = read_until(client.stdout.fileno(), "(aktis-pdb) ")

        client.send_signal(signal.SIGINT)

        assert client.wait(CLIENT_LIMIT_S) == 130
        assert client.stderr is not None
        assert client.stderr.read() == b""
    assert "adds_one" in shown
    assert aktis.get(ref) == 4


def test_the_command_ends_when_the_task_goes_on_before_it_has_read_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "socket"
    typed, ours = os.pipe()
    os.write(ours, b"c\nunheard\n")

    def hang_up() -> None:
        connection, _ = listener.accept()
        connection.recv(2)
        connection.close()

    with socket.socket(socket.AF_UNIX) as listener, os.fdopen(typed) as terminal:
        listener.bind(str(address))
        listener.listen()
        monkeypatch.setattr(sys, "stdin", terminal)
        thread = threading.Thread(target=hang_up)
        thread.start()
        status = command.attach(Breakpoint(str(address), "task", "", os.getpid(), "here"))
        thread.join()
    os.close(ours)

    assert status == 0


def test_several_breakpoints_are_listed_and_attached_to_by_number() -> None:
    refs = [adds_one.remote(number) for number in (1, 2)]
    await_waiting(2)

    listed = run_client("")
    refused = run_client("", "7", expected=2)
    first, second = (attach("p number\nc\n", "1") for _ in refs)

    assert [line.split()[0] for line in listed.splitlines()[:2]] == ["1", "2"]
    assert "adds_one" in listed
    assert "there is no breakpoint 7" in refused
    values = [re.findall(r"^\(aktis-pdb\) (\d)$", one, re.MULTILINE) for one in (first, second)]
    assert sorted(values) == [["1"], ["2"]]
    assert sorted(aktis.get(refs)) == [2, 3]


def test_where_nothing_waits_the_command_says_so() -> None:
    assert run_client("", expected=1) == "no task waits at a breakpoint\n"


def test_nobody_else_can_reach_a_breakpoint() -> None:
    ref = adds_one.remote(3)
    (point,) = await_waiting(1)

    path = Path(point.socket)
    assert path.is_socket()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    attach("c\n")
    assert aktis.get(ref) == 4
    assert list(path.parent.iterdir()) == []


def test_a_method_of_an_actor_stops_too() -> None:
    @aktis.remote
    class Counter:
        def __init__(self) -> None:
            self.count = 5

        def add(self) -> int:
            breakpoint()
            self.count += 1
            return self.count

    ref = Counter.remote().add.remote()
    await_waiting(1)

    shown = attach("p self.count\nc\n")

    assert "(aktis-pdb) 5" in shown
    assert aktis.get(ref) == 6


def test_a_task_that_waits_can_be_cancelled() -> None:
    ref = adds_one.remote(3)
    await_waiting(1)

    aktis.cancel(ref)

    with pytest.raises(aktis.exceptions.TaskCancelledError):
        aktis.get(ref)
    wait_for(lambda: waiting() == [])


def test_a_task_can_be_cancelled_while_somebody_is_attached() -> None:
    ref = adds_one.remote(3)
    (point,) = await_waiting(1)
    with breakpoints.attach(point) as connection:
        shown = read_until(connection.fileno(), "(aktis-pdb) ")

        aktis.cancel(ref)

        with pytest.raises(aktis.exceptions.TaskCancelledError):
            aktis.get(ref, timeout=CLIENT_LIMIT_S)
        assert connection.recv(4096) == b""
    assert "adds_one" in shown


def test_a_task_that_raised_can_be_looked_at_before_it_fails() -> None:
    @aktis.remote(max_retries=0, runtime_env={"env_vars": {"RAY_DEBUG_POST_MORTEM": "1"}})
    def divides(number: int) -> float:
        nothing = 0
        return number / nothing

    ref = divides.remote(3)
    await_waiting(1)

    shown = attach("p number, nothing\nc\n")

    assert "(3, 0)" in shown
    with pytest.raises(ZeroDivisionError):
        aktis.get(ref)


@pytest.mark.parametrize(("choice", "leads_to"), [("0", None), ("sys._getframe", "passes")])
def test_where_breakpoints_lead_is_pythons_own_choice_first(
    choice: str, leads_to: str | None
) -> None:
    @aktis.remote(runtime_env={"env_vars": {"PYTHONBREAKPOINT": choice}})
    def passes() -> str | None:
        frame: Any = breakpoint()  # type: ignore[func-returns-value]
        return None if frame is None else str(frame.f_code.co_name)

    assert aktis.get(passes.remote()) == leads_to


def test_the_drivers_terminal_says_how_to_attach(tmp_path: Path) -> None:
    program = """
        import aktis
        aktis.init(address="local", num_cpus=1)

        @aktis.remote
        def stops():
            breakpoint()
            return 7

        print(aktis.get(stops.remote()))
    """
    with running(program, tmp_path) as driver:
        await_waiting(1)
        attach("c\n")
        stdout, stderr = driver.communicate(timeout=CLIENT_LIMIT_S)

    assert stdout == "7\n"
    assert "stops waits at a breakpoint" in stderr
    assert "attach with: python -m aktis.util.rpdb" in stderr


def test_a_task_is_not_told_to_be_paused_because_one_of_another_session_is(
    tmp_path: Path, drive: Callable[..., Driver]
) -> None:
    stops, passes = (
        f"""
        import aktis
        from aktis.util import state
        aktis.init(address="local", num_cpus=1)

        @aktis.remote
        def first():
            {statement}

        aktis.get(first.remote())
        print([row.is_debugger_paused for row in state.list_tasks(detail=True)])
        """
        for statement in ("breakpoint()", "pass")
    )
    with running(stops, tmp_path):
        await_waiting(1)

        assert drive(passes).lines == ["[False]"]


def test_an_editor_attaches_where_debugpy_is_chosen(tmp_path: Path) -> None:
    program = """
        import aktis
        aktis.init(address="local", num_cpus=1)

        @aktis.remote
        def stops(number):
            more = number + 1
            breakpoint()
            return more

        print(aktis.get(stops.remote(3)))
    """
    with running(program, tmp_path, RAY_DEBUG="1") as driver:
        assert driver.stderr is not None
        port = next(
            int(found[1])
            for line in driver.stderr
            if (found := re.search(r"attach it to 127\.0\.0\.1:(\d+)", line))
        )
        with socket.create_connection(("127.0.0.1", port), timeout=CLIENT_LIMIT_S) as connection:
            editor = Editor(connection)
            editor.ask("initialize", adapterID="test")
            editor.say("attach", justMyCode=False)
            editor.await_event("initialized")
            editor.ask("configurationDone")
            thread = editor.await_event("stopped")["threadId"]
            frame = editor.ask("stackTrace", threadId=thread)["stackFrames"][0]
            value = editor.ask("evaluate", expression="more", frameId=frame["id"])["result"]
            # The program may end, and its worker with it, before an answer is on its way.
            editor.say("continue", threadId=thread)
            stdout, _ = driver.communicate(timeout=CLIENT_LIMIT_S)

    assert (frame["name"], value) == ("stops", "4")
    assert stdout == "4\n"


@contextlib.contextmanager
def running(program: str, directory: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A driver that ends with the test, also if it waits at a breakpoint then."""
    driver = start_driver(program, directory=directory, env=env)
    try:
        yield driver
    finally:
        driver.kill()
        driver.communicate()


class Editor:
    """Speaks the protocol of editors, as far as these tests need it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._count = 0
        self._events: list[dict[str, Any]] = []

    def say(self, command: str, **arguments: Any) -> int:
        self._count += 1
        message = {
            "seq": self._count,
            "type": "request",
            "command": command,
            "arguments": arguments,
        }
        body = json.dumps(message).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._count

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        number = self.say(command, **arguments)
        answer = self._next(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        body: dict[str, Any] = answer.get("body", {})
        return body

    def await_event(self, name: str) -> dict[str, Any]:
        known = [event for event in self._events if event["event"] == name]
        event = known[0] if known else self._next(lambda message: message.get("event") == name)
        body: dict[str, Any] = event.get("body", {})
        return body

    def _next(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            length = 0
            while header := self._stream.readline().strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            message: dict[str, Any] = json.loads(self._stream.read(length))
            if is_wanted(message):
                return message
            if message["type"] == "event":
                self._events.append(message)


def await_waiting(count: int) -> list[Breakpoint]:
    wait_for(lambda: len(waiting()) == count, story=f"{count} tasks wait at breakpoints")
    return waiting()


def attach(typed: str, *arguments: str) -> str:
    return run_client(typed, *arguments)


def run_client(typed: str, *arguments: str, expected: int = 0) -> str:
    """Attaches by the command, over pipes: what it shows."""
    client = subprocess.run(
        [*COMMAND, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=CLIENT_LIMIT_S,
        check=False,
    )
    assert client.returncode == expected, client.stderr
    return client.stdout + client.stderr


def read_until(descriptor: int, end: str) -> str:
    """What is shown until then."""
    shown = ""
    while not shown.endswith(end):
        shown += os.read(descriptor, 4096).decode()
    return shown
