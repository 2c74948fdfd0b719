"""Progress bars of all processes, in the driver's terminal and where there is none.

Owns `aktis.experimental.tqdm_ray`. Each row runs a driver of its own, because what counts is what a
user sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.drivers import Driver
from tests.conformance.terminals import Terminal
from tests.conformance.waiting import Gate

Drive = Callable[..., Driver]
InTerminal = Callable[[str], Terminal]

START = """
import sys
from pathlib import Path
import aktis
from aktis.experimental import tqdm_ray
from aktis.experimental.tqdm_ray import tqdm
from tests.conformance.waiting import Gate
"""


@pytest.fixture
def in_terminal(tmp_path: Path) -> InTerminal:
    """Starts a program in a terminal."""
    return lambda program: Terminal(START + program, directory=tmp_path)


def bars(lines: list[str]) -> list[str]:
    """The lines that are bars, cut before what changes with the time."""
    return [
        line.partition("[")[0].rstrip() for line in lines if "it/s]" in line or "?it/s]" in line
    ]


def shape(line: str) -> str:
    """A bar without its width and its process."""
    return re.sub(r"pid=\d+", "pid=N", re.sub(r"\|[^|]*\|", "|", line))


def test_bars_of_several_workers_stand_below_each_other_and_below_what_is_printed(
    in_terminal: InTerminal, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    program = f"""
aktis.init(num_cpus=2)

@aktis.remote
def work(name):
    bar = tqdm(desc=name, total=4, flush_interval_s=0)
    bar.update(2)
    for number in range(50):
        print(name, "says", number)
    Gate(Path({str(gate.path)!r})).wait()
    bar.update(2)
    bar.close()

aktis.get([work.remote(name) for name in ("left", "right")])
"""

    with in_terminal(program) as terminal:
        terminal.wait_until(lambda lines: sum("says 49" in line for line in lines) == 2)
        during = terminal.wait_until(lambda lines: len(bars(lines)) == 2)
        gate.open()
        after = terminal.end()

    assert sorted(map(shape, bars(during[-2:]))) == [
        "(work pid=N) left:  50%| 2/4",
        "(work pid=N) right:  50%| 2/4",
    ]
    assert sorted(map(shape, bars(after))) == [
        "(work pid=N) left: 100%| 4/4",
        "(work pid=N) right: 100%| 4/4",
    ]
    said = [shape(line) for line in after if "says" in line]
    whole = [f"(work pid=N) {name} says {n}" for name in ("left", "right") for n in range(50)]
    assert sorted(said) == sorted(whole)


def test_nested_bars_of_a_process_stay_together(in_terminal: InTerminal, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    program = f"""
aktis.init(num_cpus=2)

@aktis.remote
def work(name, first):
    gates = {{key: Gate(Path({str(tmp_path)!r}) / key) for key in ("outer-a", "outer-b")}}
    if not first:
        gates["outer-a"].wait()
    outer = tqdm(desc=f"outer-{{name}}", total=2, position=0)
    gates[f"outer-{{name}}"].open()
    gates["outer-b"].wait()
    inner = tqdm(desc=f"inner-{{name}}", total=3, position=1)
    Gate(Path({str(gate.path)!r})).wait()
    inner.close()
    outer.close()

aktis.get([work.remote("a", True), work.remote("b", False)])
"""

    with in_terminal(program) as terminal:
        during = terminal.wait_until(lambda lines: len(bars(lines)) == 4)
        gate.open()
        after = terminal.end()

    names = [re.sub(r".*\) (\S+):.*", r"\1", line) for line in bars(during)]
    assert names == ["outer-a", "inner-a", "outer-b", "inner-b"]
    assert len(bars(after)) == 4


def test_a_bar_of_the_driver_goes_through_what_it_is_given(in_terminal: InTerminal) -> None:
    program = """
seen = [item for item in tqdm(["a", "b", "c"], desc="mine", unit="letter")]
print(seen)
"""

    with in_terminal(program) as terminal:
        lines = terminal.end()

    assert re.match(r"mine: 100%\|.*\| 3/3 \[.*letter/s\]", lines[0])
    assert lines[1:] == ["['a', 'b', 'c']"]


def test_description_total_and_count_can_be_changed(
    in_terminal: InTerminal, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    program = f"""
aktis.init(num_cpus=1)

@aktis.remote
def work():
    bar = tqdm(total=10, flush_interval_s=0)
    bar.update()
    bar.set_description("later")
    bar.total = 20
    bar.n = 15
    bar.refresh()
    Gate(Path({str(gate.path)!r})).wait()
    with bar:
        bar.update(5)
    bar.close()

aktis.get(work.remote())
"""

    with in_terminal(program) as terminal:
        during = terminal.wait_until(lambda lines: any("15/20" in line for line in lines))
        gate.open()
        after = terminal.end()

    assert [shape(line) for line in bars(during)] == ["(work pid=N) later:  75%| 15/20"]
    assert [shape(line) for line in bars(after)] == ["(work pid=N) later: 100%| 20/20"]


def test_what_the_driver_prints_safely_does_not_tear_bars(in_terminal: InTerminal) -> None:
    program = """
for number in tqdm(range(3), desc="mine", flush_interval_s=0):
    tqdm_ray.safe_print("number", number)
    tqdm_ray.safe_print("error", number, file=sys.stderr)
"""

    with in_terminal(program) as terminal:
        lines = terminal.end()

    assert [shape(line).partition(" [")[0] for line in lines] == [
        "number 0",
        "error 0",
        "number 1",
        "error 1",
        "number 2",
        "error 2",
        "mine: 100%| 3/3",
    ]


def test_what_workers_print_does_not_tear_a_bar_of_the_real_tqdm(
    in_terminal: InTerminal,
) -> None:
    program = """
import tqdm as real

aktis.init(num_cpus=1)

@aktis.remote
def work(number):
    print("number", number)

for number in real.tqdm(range(3), desc="real", mininterval=0):
    aktis.get(work.remote(number))
aktis.shutdown()
"""

    with in_terminal(program) as terminal:
        lines = terminal.end()

    printed = [shape(line) for line in lines if "number" in line]
    assert printed == [f"(work pid=N) number {number}" for number in range(3)]
    assert [shape(line) for line in bars(lines)] == ["real: 100%| 3/3"]


def test_the_bar_of_a_killed_worker_goes_when_another_ends(
    in_terminal: InTerminal, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    program = f"""
import os, signal
from tests.conformance.waiting import wait_for
aktis.init(num_cpus=1)
pid = Path({str(tmp_path)!r}) / "pid"

@aktis.remote(max_retries=0)
def die():
    pid.write_text(str(os.getpid()))
    tqdm(desc="dead", total=2).update()
    os.kill(os.getpid(), signal.SIGKILL)

@aktis.remote
def work():
    for _ in tqdm(range(2), desc="first"):
        pass
    bar = tqdm(desc="second", total=2)
    Gate(Path({str(gate.path)!r})).wait()

try:
    aktis.get(die.remote())
except aktis.exceptions.WorkerCrashedError:
    wait_for(lambda: not Path("/proc", pid.read_text()).exists())
aktis.get(work.remote())
"""

    with in_terminal(program) as terminal:
        during = terminal.wait_until(lambda lines: "second" in lines[-1] if lines else False)
        gate.open()
        terminal.end()

    names = [re.sub(r".*\) (\S+):.*", r"\1", line) for line in bars(during)]
    # Had it stayed, it would stand below the first, beside the second.
    assert names == ["dead", "first", "second"]


def test_without_a_terminal_each_bar_is_a_line_at_its_end(drive: Drive) -> None:
    driver = drive(
        f"""{START}
aktis.init(num_cpus=2)

@aktis.remote
def work(name):
    for _ in tqdm(range(3), desc=name):
        print(name)

for _ in tqdm(range(2), desc="mine"):
    pass
aktis.get([work.remote(name) for name in ("left", "right")])
aktis.shutdown()
"""
    )

    lines = sorted(shape(line).partition(" [")[0] for line in driver.stderr.splitlines())
    assert lines == [
        "(work pid=N) left: 100%| 3/3",
        "(work pid=N) right: 100%| 3/3",
        "mine: 100%| 2/2",
    ]
    assert "\r" not in driver.printed
    assert "aktis-bar" not in driver.printed


def test_a_bar_without_a_total_counts(drive: Drive) -> None:
    driver = drive(
        f"""{START}
for _ in tqdm((number for number in range(7)), desc="endless", unit="row"):
    pass
"""
    )

    assert re.match(r"endless: 7row \[.*row/s\]", driver.stderr)


def test_a_line_without_an_end_is_shown_before_the_bar(drive: Drive) -> None:
    driver = drive(
        f"""{START}
aktis.init(num_cpus=1)

@aktis.remote
def work():
    print("half a line", end="", flush=True)
    tqdm(desc="bar", total=1).close()

aktis.get(work.remote())
aktis.shutdown()
"""
    )

    assert [shape(line) for line in driver.lines] == ["(work pid=N) half a line"]
    assert [shape(line) for line in bars(driver.stderr.splitlines())] == [
        "(work pid=N) bar:   0%| 0/1"
    ]


def test_a_bar_does_not_write_where_the_user_has_turned_the_output(drive: Drive) -> None:
    driver = drive(
        f"""{START}
import contextlib, io
aktis.init(num_cpus=1)

@aktis.remote
def work():
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        for _ in tqdm(range(2), desc="bar"):
            print("caught")
    return caught.getvalue()

print(aktis.get(work.remote()).split())
aktis.shutdown()
"""
    )

    assert driver.lines == ["['caught', 'caught']"]
    assert "bar: 100%" in driver.stderr


def test_a_bar_that_is_dropped_is_closed(drive: Drive) -> None:
    driver = drive(
        f"""{START}
aktis.init(num_cpus=1)

@aktis.remote
def work():
    tqdm(desc="dropped", total=2, flush_interval_s=60).update()

aktis.get(work.remote())
aktis.shutdown()
"""
    )

    assert [shape(line) for line in bars(driver.stderr.splitlines())] == [
        "(work pid=N) dropped:  50%| 1/2"
    ]


def test_without_lines_of_workers_there_are_no_bars_either(drive: Drive) -> None:
    driver = drive(
        f"""{START}
aktis.init(num_cpus=1, log_to_driver=False)

@aktis.remote
def work():
    return sum(tqdm(range(4)))

print(aktis.get(work.remote()))
"""
    )

    assert driver.printed == "6\n"


def test_a_bar_with_nothing_to_go_through_says_so(drive: Drive) -> None:
    driver = drive(f"{START}\nlist(tqdm(total=3))")

    assert driver.stderr.splitlines()[-1].startswith(
        "ValueError: this bar has nothing to go through"
    )


def test_without_the_package_a_bar_is_refused(drive: Drive) -> None:
    driver = drive(f"{START}\nsys.modules['tqdm'] = None\ntqdm(total=3)")

    assert driver.stderr.splitlines()[-1] == (
        "ImportError: progress bars need tqdm: pip install 'aktis[progress]'"
    )


def test_a_bar_goes_through_an_iterable_of_any_kind_once(drive: Drive) -> None:
    driver = drive(
        f"""{START}
def numbers():
    yield from range(5)

for number in tqdm(numbers(), total=5, desc="cut"):
    if number == 2:
        break
"""
    )

    assert "cut:  40%" in driver.stderr
