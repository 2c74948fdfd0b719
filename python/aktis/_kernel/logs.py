"""Prints what workers write in the driver's terminal.

Owns prefixes, colors, and that a line which many workers write appears once. Does not own how lines
come here (Rust), nor whether they are wanted (`aktis.settings`, `aktis.init`).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TextIO

from aktis._kernel import bars, session
from aktis.exceptions import GetTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aktis import _core

# How often the thread looks for lines whose window is over.
LOOK_S = 0.5
# How long it sleeps while there is none.
QUIET_S = 3600.0
# How long the node may take to say what it read; one that is stuck does not keep a program alive.
LAST_LINES_LIMIT_S = 2.0
# Different lines remembered at once; beyond that, lines are printed as they come.
LINES_REMEMBERED_MAX = 10_000
PREFIX_COLORS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[33m")
REPEAT_COLOR = "\x1b[32m"
PLAIN = "\x1b[0m"


class Line(NamedTuple):
    """One line that a worker wrote."""

    name: str
    pid: int
    is_error: bool
    text: str


@dataclass(slots=True)
class Repeats:
    """How often a line came again from others, since it was first printed."""

    last: Line
    first_pid: int
    began_s: float
    count: int = 0


class Deduplicator:
    """Lets the first of equal lines pass and counts those that other processes write after it."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: dict[str, Repeats] = {}

    def take(self, line: Line, now_s: float) -> list[str]:
        """What is to be printed for a line that came."""
        if not line.text.strip() or self._window_s <= 0:
            return [line.text]
        known = self._seen.get(line.text)
        if known is None:
            if len(self._seen) < LINES_REMEMBERED_MAX:
                self._seen[line.text] = Repeats(line, line.pid, now_s)
            return [line.text]
        if known.first_pid == line.pid and known.count == 0:
            return [line.text]
        known.count += 1
        known.last = line
        return []

    def due(self, now_s: float) -> list[tuple[Line, str]]:
        """What is to be printed of lines whose window is over, each with the last that came."""
        over = [text for text, seen in self._seen.items() if now_s - seen.began_s >= self._window_s]
        return self._told(over)

    @property
    def remembers(self) -> bool:
        """Whether a window is open."""
        return bool(self._seen)

    def rest(self) -> list[tuple[Line, str]]:
        """The same for all lines, since no more will come."""
        return self._told(list(self._seen))

    def _told(self, texts: Iterable[str]) -> list[tuple[Line, str]]:
        repeats = [(text, self._seen.pop(text)) for text in texts]
        return [
            (
                seen.last,
                f"{text} [repeated {seen.count}x across cluster]" if seen.count > 1 else text,
            )
            for text, seen in repeats
            if seen.count
        ]


class Printer:
    """Writes lines with the prefix of their worker."""

    def __init__(self, deduplicator: Deduplicator, clock: Callable[[], float]) -> None:
        self._deduplicator = deduplicator
        self._clock = clock

    def take(self, lines: Iterable[Line]) -> None:
        """Prints lines that came, as far as they are new."""
        for are_of_bars, some in groupby(lines, lambda line: bars.MARK in line.text):
            if are_of_bars:
                self._show(some)
            else:
                told = [(line, text) for line in some for text in self._new(line)]
                self._write_all(told)
        self.tick()

    def tick(self) -> None:
        """Prints how often lines were repeated whose window is over."""
        self._write_all(self._deduplicator.due(self._clock()))

    @property
    def keeps(self) -> bool:
        """Whether `tick` may have something to print in a while."""
        return self._deduplicator.remembers

    def end(self) -> None:
        """Prints what was kept back."""
        self._write_all(self._deduplicator.rest())

    def _new(self, line: Line) -> list[str]:
        return self._deduplicator.take(line, self._clock())

    def _show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            text, state = bars.split(line.text)
            if text:
                # It had no end when the bar changed.
                self._write_all([(line, one) for one in self._new(line._replace(text=text))])
            if state is not None:
                bars.shown.take(state, prefix(line, sys.stderr))

    @staticmethod
    def _write_all(told: list[tuple[Line, str]]) -> None:
        if not told:
            return
        with bars.aside():
            for line, text in told:
                output = sys.stderr if line.is_error else sys.stdout
                # Its reader may be gone; that of the other output is to go on reading.
                with contextlib.suppress(OSError, ValueError):
                    write(f"{prefix(line, output)}{text}\n", output)


def prefix(line: Line, output: TextIO) -> str:
    """What precedes a line; in color on a terminal."""
    plain = f"({line.name} pid={line.pid}) " if line.name else f"(pid={line.pid}) "
    if not output.isatty():
        return plain
    color = PREFIX_COLORS[line.pid % len(PREFIX_COLORS)]
    return f"{color}{plain.rstrip()}{PLAIN} "


def write(text: str, output: TextIO) -> None:
    """Writes at once; what the output's encoding lacks is shown in escapes."""
    try:
        output.write(text)
    except UnicodeEncodeError:
        output.write(text.encode(output.encoding, "backslashreplace").decode(output.encoding))
    output.flush()


def start(engine: _core.Engine, *, window_s: float) -> threading.Thread:
    """Prints the lines of the job's workers, from a thread, until the engine closes."""
    printer = Printer(Deduplicator(window_s), time.monotonic)
    thread = threading.Thread(target=_print, args=(engine, printer), name="aktis-logs", daemon=True)
    thread.start()
    session.before_leaving(lambda: _await_last(engine))
    return thread


def _print(engine: _core.Engine, printer: Printer) -> None:
    while _print_next(engine, printer, LOOK_S if printer.keeps else QUIET_S):
        pass
    printer.end()
    bars.shown.close_others()


def _await_last(engine: _core.Engine) -> None:
    """Has the thread find all that workers wrote before now when it prints for the last time."""
    bars.shown.expect_last()
    try:
        engine.await_lines(LAST_LINES_LIMIT_S)
    except GetTimeoutError:
        text = f"the node did not say within {LAST_LINES_LIMIT_S:g} s what workers wrote last"
        sys.stderr.write(f"(aktis) {text}: it may be missing here\n")


def _print_next(engine: _core.Engine, printer: Printer, timeout_s: float) -> bool:
    """Prints the lines that came; False once the engine closed and all were printed."""
    came = engine.next_lines(timeout_s)
    if came is None:
        return False
    bursts, dropped = came
    if dropped:
        text = f"(aktis) {dropped} lines of workers were dropped: too many came at once\n"
        sys.stderr.write(text)
    printer.take(
        Line(burst["name"], burst["pid"], burst["error"], text)
        for burst in bursts
        for text in burst["lines"]
    )
    return True
