"""The title of a process, as the kernel shows it."""

from __future__ import annotations

import ast
import subprocess
import sys

PROGRAM = """
from aktis._kernel import title

title.set_title(input())
print(open("/proc/self/cmdline", "rb").read())
"""


def test_the_title_replaces_the_command_line() -> None:
    assert command_line_of("aktis: x").rstrip(b"\0") == b"aktis: x"


def test_a_title_that_is_longer_than_the_command_line_is_cut() -> None:
    shown = command_line_of("x" * 10_000)

    assert set(shown.rstrip(b"\0")) == {ord("x")}
    assert len(shown) < 10_000


def command_line_of(title: str) -> bytes:
    """What the kernel shows of a process that calls itself `title`."""
    command = [sys.executable, "-c", PROGRAM]
    shown = subprocess.run(command, input=title, capture_output=True, text=True, check=True).stdout
    return bytes(ast.literal_eval(shown))
