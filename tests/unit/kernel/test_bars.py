"""Bars of other processes: when each is closed. How they look on a terminal is in conformance.

Owns where there is no terminal: each bar is a line once it is closed.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from aktis._kernel.bars import Bars, BarState, split


def test_a_bar_whose_process_was_killed_goes_with_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bars = Bars()

    bars.take(state("lost", pid=ended_pid(), done=1))
    bars.take(state("other", done=2, closed=True))

    assert [line.split(":")[0] for line in written(capsys)] == ["lost", "other"]


def test_at_the_end_of_the_session_the_last_words_of_a_process_are_awaited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bars, pid = Bars(), ended_pid()

    bars.take(state("late", pid=pid, done=1))
    bars.expect_last()
    bars.take(state("other", done=2, closed=True))
    bars.take(state("late", pid=pid, done=2, closed=True))
    bars.close_others()

    assert [line.split("|")[0] for line in written(capsys)] == ["other: 100%", "late: 100%"]


def test_what_is_said_of_a_bar_is_one_write_to_a_pipe_however_long_its_words_are() -> None:
    longest = BarState(
        "f" * 16,
        "h" * 64,
        2**22,
        99,
        "\U0001f31e" * 999,
        "\U0001f31e" * 999,
        1e300,
        1e300,
        closed=False,
    )

    assert len(longest.line()) <= select.PIPE_BUF
    assert split(longest.line().decode()) == (
        "",
        longest._replace(description="\U0001f31e" * 300, unit="\U0001f31e" * 20),
    )


def state(description: str, *, done: float, pid: int = 0, closed: bool = False) -> BarState:
    """What the process with this id, this one if none is given, says of a bar of two steps."""
    host = os.uname().nodename
    return BarState(
        description, host, pid or os.getpid(), 0, description, "it", 2, done, closed=closed
    )


def ended_pid() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()
