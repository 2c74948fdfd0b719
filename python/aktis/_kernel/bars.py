"""Draws the progress bars of all processes of a job in the driver's terminal.

Owns what is said of a bar, how it travels among the lines that a worker prints, and where bars
stand. Does not own their look, which is that of tqdm, nor the public class
(`aktis.experimental.tqdm_ray`).

Where standard error is no terminal there is nothing to draw over: a bar is then a line from time to
time, and one at its end.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What precedes a bar in a line of output; nobody prints that by chance.
MARK = "\x1eaktis-bar "
# A line of a bar is one write to a pipe, which stays in one piece up to 4096 bytes; a character of
# these takes up to twelve of them.
DESCRIPTION_MAX = 300
UNIT_MAX = 20
# How often a bar is told of where there is no terminal.
PLAIN_EVERY_S = 5.0
MISSING = "progress bars need tqdm: pip install 'aktis[progress]'"


class BarState(NamedTuple):
    """What a process says of one of its bars.

    Attributes:
        key: Names the bar, among those of all processes.
        position: Its row among the bars of its process.
        total: How far it goes, if that is known.
        done: How far it is.
    """

    key: str
    host: str
    pid: int
    position: int
    description: str
    unit: str
    total: float | None
    done: float
    closed: bool

    def line(self) -> bytes:
        """The state as a line of output."""
        cut = self._replace(
            description=self.description[:DESCRIPTION_MAX], unit=self.unit[:UNIT_MAX]
        )
        return f"{MARK}{json.dumps(cut)}\n".encode()


def split(text: str) -> tuple[str, BarState | None]:
    """What is to be printed of a line, and the bar that it tells of."""
    before, mark, told = text.partition(MARK)
    if not mark:
        return text, None
    try:
        return before, BarState(*json.loads(told))
    except (ValueError, TypeError):
        # A line that took long to come is shown in parts.
        return text, None


def is_available() -> bool:
    """Whether the package that draws is installed."""
    return importlib.util.find_spec("tqdm") is not None


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Takes all bars off the terminal, the user's own too, while something else is written."""
    standard = sys.modules.get("tqdm.std")
    if standard is None or not sys.stderr.isatty():
        yield
        return
    with standard.tqdm.external_write_mode(file=sys.stderr):
        yield


class Bars:
    """The bars that are shown: those of a process together, in the order of its positions."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shown: dict[str, _Shown] = {}
        self._session_ends = False
        self._warned = False

    def take(self, state: BarState, name: str = "") -> None:
        """Shows what a process says of a bar.

        Args:
            state: What it says.
            name: What precedes the bar; "" for a bar of this process.
        """
        with self._lock:
            if not is_available():
                self._warn()
                return
            if state.key not in self._shown:
                kind = _OnTerminal if sys.stderr.isatty() else _InLines
                self._shown[state.key] = kind(state, name, len(self._shown))
                with aside():
                    self._arrange()
            self._shown[state.key].update(state)
            if state.closed:
                self._close(lambda one: one.key == state.key or self._is_lost(one))

    def expect_last(self) -> None:
        """Keeps bars of processes that end from now on: what they said last is under way."""
        self._session_ends = True

    def close_others(self) -> None:
        """Closes the bars of other processes: no more will be heard of them."""
        with self._lock:
            self._session_ends = False
            self._close(lambda one: one.pid != os.getpid())

    def _is_lost(self, state: BarState) -> bool:
        return not self._session_ends and _is_gone(state)

    def _close(self, is_over: Callable[[BarState], bool]) -> None:
        keys = [key for key, shown in self._shown.items() if is_over(shown.state)]
        if keys:
            with aside():
                for key in keys:
                    self._shown.pop(key).close()
                self._arrange()

    def _arrange(self) -> None:
        processes = list(dict.fromkeys(one.state.pid for one in self._shown.values()))

        def place(shown: _Shown) -> tuple[int, int]:
            return processes.index(shown.state.pid), shown.state.position

        for row, shown in enumerate(sorted(self._shown.values(), key=place)):
            shown.move_to(row)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            sys.stderr.write(f"(aktis) {MISSING}\n")


class _Shown(Protocol):
    """One bar, as it is shown."""

    state: BarState

    def __init__(self, state: BarState, name: str, row: int) -> None: ...

    def update(self, state: BarState) -> None:
        """Shows the bar as it is now."""

    def move_to(self, row: int) -> None:
        """Has it stand in this row; it is not on the terminal at the moment."""

    def close(self) -> None:
        """Leaves it as it is."""


class _OnTerminal:
    """A bar that is drawn over itself."""

    def __init__(self, state: BarState, name: str, row: int) -> None:
        from tqdm.std import tqdm

        self.state = state._replace(done=0)
        self._name = name
        self._bar = tqdm(
            desc=f"{name}{state.description}",
            total=state.total,
            unit=state.unit,
            position=row,
            dynamic_ncols=True,
        )

    def update(self, state: BarState) -> None:
        self._bar.total = state.total
        self._bar.set_description(f"{self._name}{state.description}", refresh=False)
        self._bar.update(state.done - self.state.done)
        self._bar.refresh()
        self.state = state

    def move_to(self, row: int) -> None:
        self._bar.pos = -row

    def close(self) -> None:
        self._bar.close()


class _InLines:
    """A bar where nothing can be drawn over: a line from time to time."""

    def __init__(self, state: BarState, name: str, row: int) -> None:  # noqa: ARG002 - lines have none
        self.state = state
        self._name = name
        self._began_s = self._told_s = time.monotonic()

    def update(self, state: BarState) -> None:
        self.state = state
        if time.monotonic() - self._told_s >= PLAIN_EVERY_S:
            self._tell()

    def move_to(self, row: int) -> None:
        """Lines stay where they are."""

    def close(self) -> None:
        self._tell()

    def _tell(self) -> None:
        from tqdm.std import tqdm

        self._told_s = time.monotonic()
        meter = tqdm.format_meter(
            self.state.done,
            self.state.total or 0,
            self._told_s - self._began_s,
            prefix=f"{self._name}{self.state.description}",
            unit=self.state.unit,
            ascii=True,
        )
        sys.stderr.write(f"{meter}\n")


def _is_gone(state: BarState) -> bool:
    """Whether its process has ended without a word; of another machine nobody knows here."""
    return state.host == os.uname().nodename and not Path(f"/proc/{state.pid}").exists()


# The bars of the terminal that this process has.
shown = Bars()
