"""What spans a traced job makes: which are whose parents, across tasks, actors and processes.

Owns the driver that is traced, whose spans are read from files. Timelines are in `test_timeline`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.drivers import Driver

Drive = Callable[..., Driver]
HOOK = "aktis.util.tracing.setup_local_tmp_tracing:setup_tracing"
TRACED = f"""
import asyncio
import aktis
from opentelemetry import trace
aktis.init(num_cpus=2, _tracing_startup_hook={HOOK!r})

@aktis.remote
def inner():
    return 1
"""


def test_a_trace_goes_through_nested_tasks_in_other_processes(drive: Drive, tmp_path: Path) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote
def outer():
    return aktis.get(inner.remote())

with trace.get_tracer("program").start_as_current_span("main"):
    assert aktis.get(outer.remote()) == 1
""",
    )

    assert path_of(spans, "inner aktis.remote_worker") == [
        "main",
        "outer aktis.remote",
        "outer aktis.remote_worker",
        "inner aktis.remote",
        "inner aktis.remote_worker",
    ]
    assert len({span["context"]["trace_id"] for span in spans}) == 1
    assert pid_of(spans, "outer aktis.remote") != pid_of(spans, "outer aktis.remote_worker")


def test_a_trace_goes_through_an_actor_from_its_constructor_on(
    drive: Drive, tmp_path: Path
) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote
class Counter:
    def __init__(self, start):
        self.count = start
    def add(self, *, by):
        self.count += by + aktis.get(inner.remote())
        return self.count

counter = Counter.remote(4)
assert aktis.get(counter.add.remote(by=2)) == 7
""",
    )

    assert path_of(spans, "Counter.__init__ aktis.remote_worker") == [
        "Counter.__init__ aktis.remote",
        "Counter.__init__ aktis.remote_worker",
    ]
    assert path_of(spans, "inner aktis.remote_worker") == [
        "Counter.add aktis.remote",
        "Counter.add aktis.remote_worker",
        "inner aktis.remote",
        "inner aktis.remote_worker",
    ]


def test_calls_that_interleave_on_an_async_actor_keep_to_their_own_traces(
    drive: Drive, tmp_path: Path
) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote
class Meeting:
    def __init__(self):
        self.both = asyncio.Event()
        self.count = 0
    async def come(self):
        self.count += 1
        if self.count == 2:
            self.both.set()
        await self.both.wait()
        return await inner.remote()

meeting = Meeting.remote()
assert aktis.get([meeting.come.remote() for _ in range(2)]) == [1, 1]
""",
    )

    ends = [span for span in spans if span["name"] == "inner aktis.remote_worker"]
    expected = [
        "Meeting.come aktis.remote",
        "Meeting.come aktis.remote_worker",
        "inner aktis.remote",
        "inner aktis.remote_worker",
    ]
    assert [names_above(spans, end) for end in ends] == [expected, expected]
    assert len({end["context"]["trace_id"] for end in ends}) == 2


def test_the_span_of_a_generator_lasts_as_long_as_it_yields(drive: Drive, tmp_path: Path) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote
def yields():
    yield 0
    yield aktis.get(inner.remote())

@aktis.remote
class Yielding:
    async def items(self):
        yield 2
        yield await inner.remote()

assert [aktis.get(item) for item in yields.remote()] == [0, 1]
assert [aktis.get(item) for item in Yielding.remote().items.remote()] == [2, 1]
""",
    )

    above = {tuple(names_above(spans, span)[:2]) for span in spans if "inner" in span["name"]}
    assert above == {
        ("yields aktis.remote", "yields aktis.remote_worker"),
        ("Yielding.items aktis.remote", "Yielding.items aktis.remote_worker"),
    }


def test_a_call_that_raises_has_its_error_in_its_span(drive: Drive, tmp_path: Path) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote(max_retries=0)
def fails():
    raise ValueError("a word to find")

try:
    aktis.get(fails.remote())
except ValueError:
    pass
""",
    )

    span = named(spans, "fails aktis.remote_worker")
    assert span["status"]["status_code"] == "ERROR"
    (event,) = span["events"]
    assert event["attributes"]["exception.message"] == "a word to find"


def test_special_methods_of_actors_are_traced_like_others(drive: Drive, tmp_path: Path) -> None:
    spans = traced(
        drive,
        tmp_path,
        """
@aktis.remote
class Plain:
    pass

assert aktis.get(Plain.remote().__ray_ready__.remote())
""",
    )

    assert len(path_of(spans, "__aktis_ready__ aktis.remote_worker")) == 2


def test_a_hook_is_named_by_module_and_function(drive: Drive) -> None:
    driver = drive("""
import aktis
try:
    aktis.init(num_cpus=1, _tracing_startup_hook="nonsense")
except ValueError as error:
    print(error)
assert not aktis.is_initialized()
""")

    assert driver.lines == ["_tracing_startup_hook must be 'module:function', not 'nonsense'"]


def test_a_traced_job_may_call_actors_of_one_that_is_not(drive: Drive) -> None:
    driver = drive(f'''
import subprocess
import sys
import aktis

@aktis.remote
class Counter:
    def add(self, amount):
        return amount + 1

context = aktis.init(address="local", num_cpus=1, namespace="shared")
counter = Counter.options(name="counter").remote()
program = """
import aktis
import sys
aktis.init(address=sys.argv[1], namespace="shared", _tracing_startup_hook={HOOK!r})
print(aktis.get(aktis.get_actor("counter").add.remote(1)))
"""
subprocess.run([sys.executable, "-c", program, context["address"]], check=True)
''')

    assert driver.lines == ["2"], driver.printed


def test_a_process_whose_setup_hook_failed_at_first_traces_once(
    drive: Drive, tmp_path: Path
) -> None:
    spans = traced(
        drive,
        tmp_path,
        f"""
aktis.shutdown()

def set_up():
    import pathlib
    try:
        pathlib.Path({str(tmp_path / "failed")!r}).touch(exist_ok=False)
    except FileExistsError:
        return
    raise OSError("not yet")

aktis.init(
    num_cpus=1,
    _tracing_startup_hook={HOOK!r},
    runtime_env={{"worker_process_setup_hook": set_up}},
)

@aktis.remote
def outer():
    return aktis.get(inner.remote())

try:
    aktis.get(outer.remote())
except aktis.exceptions.RuntimeEnvSetupError:
    assert aktis.get(outer.remote()) == 1
""",
    )

    assert len([span for span in spans if span["name"] == "inner aktis.remote"]) == 1


def test_without_tracing_nothing_of_it_is_imported(drive: Drive) -> None:
    driver = drive("""
import sys
import aktis
aktis.init(num_cpus=1)

@aktis.remote
def loaded():
    return sorted({name.partition(".")[0] for name in sys.modules} & {"opentelemetry"})

@aktis.remote
def tracing():
    return "aktis._kernel.tracing" in sys.modules

print(aktis.get(loaded.remote()), aktis.get(tracing.remote()), "opentelemetry" in sys.modules)
""")

    assert driver.lines == ["[] False False"]


def traced(drive: Drive, directory: Path, program: str) -> list[dict[str, Any]]:
    """Runs a traced driver to its end, for which there is `inner`: the spans of its processes."""
    driver = drive(TRACED + program, env={"TMPDIR": str(directory)})
    if driver.returncode:
        pytest.fail(driver.printed)
    files = directory.glob("aktis-*/.spans/*.json")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def named(spans: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (span,) = (span for span in spans if span["name"] == name)
    return span


def path_of(spans: list[dict[str, Any]], name: str) -> list[str]:
    return names_above(spans, named(spans, name))


def names_above(spans: list[dict[str, Any]], span: dict[str, Any]) -> list[str]:
    """The names from the root of the trace down to the span."""
    by_id = {one["context"]["span_id"]: one for one in spans}
    names = [span["name"]]
    while span["parent_id"] is not None:
        span = by_id[span["parent_id"]]
        names.insert(0, span["name"])
    return names


def pid_of(spans: list[dict[str, Any]], name: str) -> int:
    return int(named(spans, name)["attributes"]["aktis.pid"])
