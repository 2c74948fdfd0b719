"""How a bar travels as a line, and what is shown of it where there is no terminal.

Owns `aktis._kernel.bars`; what a user sees in a terminal is in `tests/conformance/test_tqdm_ray`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from aktis._kernel.bars import Bars, BarState, split

PIPE_BYTES_MAX = 4096


def state(**facts: Any) -> BarState:
    described: dict[str, Any] = {
        "key": "k",
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "position": 0,
        "description": "work",
        "unit": "it",
        "total": 4,
        "done": 1,
        "closed": False,
        **facts,
    }
    return BarState(**described)


def test_a_bar_comes_out_of_its_line_as_it_went_in() -> None:
    told = state(description='a "b"\n\u00e9', total=None, done=1.5)

    assert split(told.line().decode().removesuffix("\n")) == ("", told)


def test_text_before_a_bar_is_told_apart() -> None:
    line = f"half a line{state().line().decode()}".removesuffix("\n")

    assert split(line) == ("half a line", state())


def test_text_alone_is_no_bar() -> None:
    assert split("aktis-bar [1, 2]") == ("aktis-bar [1, 2]", None)


@pytest.mark.parametrize("text", ["\x1eaktis-bar [", "\x1eaktis-bar [1]", "\x1eaktis-bar 1"])
def test_a_part_of_a_bar_is_text(text: str) -> None:
    assert split(text) == (text, None)


def test_a_bar_is_one_line_that_a_pipe_takes_whole() -> None:
    line = state(description="\u00e9\n" * 2_000).line()

    assert len(line) < PIPE_BYTES_MAX
    assert line.count(b"\n") == 1


def test_without_a_terminal_a_bar_is_told_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()

    bars.take(state(), "(work pid=1) ")
    bars.take(state(done=2), "(work pid=1) ")
    early = capsys.readouterr().err
    bars.take(state(done=4, closed=True), "(work pid=1) ")
    bars.take(state(key="other", done=3, closed=True))

    first, second = capsys.readouterr().err.splitlines()
    assert early == ""
    assert first.startswith("(work pid=1) work: 100%|##########| 4/4 [")
    assert second.startswith("work:  75%|#######5  | 3/4 [")


def test_bars_of_others_end_with_the_session(capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    bars.take(state(description="mine"))
    bars.take(state(key="other", host="elsewhere", pid=1, description="theirs"))

    bars.close_others()
    bars.close_others()

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("theirs:  25%|")
