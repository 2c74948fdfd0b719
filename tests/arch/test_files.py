"""Every source file is short, says what it owns, and is named for what it holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.sources import ROOT, is_test, listed, text_of

LINES_MAX = 500
LINES_MAX_TEST = 800
LONG_MAX = 5
VAGUE_WORDS = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
# File: reason. The list may only shrink.
LONG: dict[str, str] = {}
SOURCES = listed("*.rs", "*.py", "*.pyi")


def test_there_are_sources_in_both_languages() -> None:
    assert {".rs", ".py"} <= {path.suffix for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_file_is_tidy(path: Path) -> None:
    lines = text_of(path).splitlines()
    limit = LINES_MAX_TEST if is_test(path) else LINES_MAX

    assert len(lines) <= limit or str(path) in LONG, (
        f"{len(lines)} lines; find the second noun in it"
    )
    assert lines, "an empty file says nothing; say what it owns or remove it"
    assert lines[0].startswith(("//! ", '"""')), "the first line must say what the file owns"
    assert not VAGUE_WORDS & set(re.split(r"[_.]", path.stem)), "name it for what it holds"
    assert path.stem != "base", "name it for what it holds"
    assert path.name != "mod.rs", "a module with children is `name.rs` beside the folder `name`"


def test_the_list_of_exceptions_stays_short_and_true() -> None:
    assert len(LONG) <= LONG_MAX
    assert all(len(text_of(Path(name)).splitlines()) > LINES_MAX for name in LONG)


def test_no_built_thing_is_in_the_tree() -> None:
    built = listed("*.so", "*.pyc", "*.whl", "*.a", "*.o")

    assert not built, f"built, not written: {built}"
    assert (ROOT / "Cargo.lock").is_file(), "the lock file is committed, so that builds repeat"
