"""What the driver prints of its workers' lines: prefixes, colors, and each line once.

Owns the printer with a clock of its own. The way of a line is in `tests/conformance`.
"""

from __future__ import annotations

import io
from typing import Any

import pytest

from aktis._kernel.logs import Deduplicator, Line, Printer, prefix

WINDOW_S = 5.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def printer(clock: Clock) -> Printer:
    """A printer whose window is five seconds of that clock."""
    return Printer(Deduplicator(WINDOW_S), clock)


def line(text: str, *, pid: int = 1, name: str = "work", is_error: bool = False) -> Line:
    return Line(name, pid, is_error, text)


def test_a_line_is_printed_with_its_worker(printer: Printer, capsys: Any) -> None:
    printer.take([line("hello", pid=7)])

    assert capsys.readouterr().out == "(work pid=7) hello\n"


def test_errors_go_to_standard_error(printer: Printer, capsys: Any) -> None:
    printer.take([line("bad", pid=7, is_error=True)])

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "(work pid=7) bad\n")


def test_a_worker_without_a_name_has_its_process_only(printer: Printer, capsys: Any) -> None:
    printer.take([line("hello", pid=7, name="")])

    assert capsys.readouterr().out == "(pid=7) hello\n"


def test_a_line_that_many_workers_write_appears_once_and_then_with_their_number(
    printer: Printer, clock: Clock, capsys: Any
) -> None:
    printer.take([line("same", pid=pid) for pid in range(1, 6)])
    assert capsys.readouterr().out == "(work pid=1) same\n"

    clock.now_s += WINDOW_S
    printer.tick()

    assert capsys.readouterr().out == "(work pid=5) same [repeated 4x across cluster]\n"


def test_a_line_that_one_other_worker_writes_is_printed_as_it_is_after_the_window(
    printer: Printer, clock: Clock, capsys: Any
) -> None:
    printer.take([line("same", pid=1), line("same", pid=2)])
    clock.now_s += WINDOW_S
    printer.tick()

    assert capsys.readouterr().out.splitlines() == ["(work pid=1) same", "(work pid=2) same"]


def test_what_one_worker_repeats_is_printed_each_time(printer: Printer, capsys: Any) -> None:
    printer.take([line("tick"), line("tick"), line("tick")])

    assert capsys.readouterr().out.splitlines() == ["(work pid=1) tick"] * 3


def test_after_the_window_a_line_is_new_again(printer: Printer, clock: Clock, capsys: Any) -> None:
    printer.take([line("same", pid=1)])
    clock.now_s += WINDOW_S
    printer.tick()
    printer.take([line("same", pid=2)])

    assert capsys.readouterr().out.splitlines() == ["(work pid=1) same", "(work pid=2) same"]


def test_empty_lines_are_never_counted(printer: Printer, capsys: Any) -> None:
    printer.take([line("", pid=pid) for pid in (1, 2, 3)])

    assert len(capsys.readouterr().out.splitlines()) == 3


def test_without_a_window_every_line_is_printed(clock: Clock, capsys: Any) -> None:
    printer = Printer(Deduplicator(0.0), clock)

    printer.take([line("same", pid=pid) for pid in (1, 2, 3)])

    assert len(capsys.readouterr().out.splitlines()) == 3


def test_at_the_end_nothing_is_kept_back(printer: Printer, capsys: Any) -> None:
    printer.take([line("same", pid=pid) for pid in (1, 2, 3)])
    capsys.readouterr()

    printer.end()

    assert capsys.readouterr().out == "(work pid=3) same [repeated 2x across cluster]\n"


def test_only_a_terminal_gets_colors() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert prefix(line("x"), io.StringIO()) == "(work pid=1) "
    assert prefix(line("x"), Terminal()).startswith("\x1b[")
