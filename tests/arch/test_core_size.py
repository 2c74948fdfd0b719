"""The Rust core stays small enough to read: what can be Python is Python."""

from __future__ import annotations

from pathlib import Path

from tests.arch.sources import is_test, listed, text_of

# Lines that hold code: no blank ones, no comments, no tests. The simulator is no part of the core.
CODE_LINES_MAX = 16_000
TESTS_BEGIN = "#[cfg(test)]\nmod tests {"


def test_the_core_stays_small_enough_to_read() -> None:
    sources = [path for path in listed("crates/pure/*.rs", "crates/shell/*.rs") if is_core(path)]

    count = sum(code_lines(text_of(path)) for path in sources)

    assert count < CODE_LINES_MAX, f"{count} lines of code; ask what could be Python, or go"


def test_only_lines_of_code_count() -> None:
    assert code_lines("//! About.\n\nuse a::b; // why\n\n/// Says.\nfn c() {}\n") == 2
    assert code_lines(f"fn c() {{}}\n\n{TESTS_BEGIN}\n    fn d() {{}}\n}}\n") == 1


def is_core(path: Path) -> bool:
    """Whether the file is part of what is shipped."""
    return "src" in path.parts and not is_test(path)


def code_lines(text: str) -> int:
    """How many lines of a Rust file hold code that is no test."""
    lines = (line.strip() for line in text.partition(TESTS_BEGIN)[0].splitlines())
    return sum(bool(line) and not line.startswith("//") for line in lines)
