"""Everything has a limit, by name: no queue, pool or cache in the product is without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.sources import is_test, listed, text_of

UNBOUNDED = {
    "a queue without maxsize": re.compile(r"\b(?:Lifo|Priority)?Queue\(\s*\)"),
    "a SimpleQueue, which takes no limit": re.compile(r"\bSimpleQueue\("),
    "a pool without max_workers": re.compile(r"\b(?:Thread|Process)PoolExecutor\(\s*\)"),
    "a cache without maxsize": re.compile(r"\blru_cache\(maxsize=None\)"),
    "a channel without a limit": re.compile(r"\bmpsc::channel\b|\bunbounded(?:_channel)?\("),
    "an endless read": re.compile(r"\.read_to_end\(|\.read_to_string\("),
}
SOURCES = [path for path in listed("crates/*.rs", "python/*.py") if not is_test(path)]
SAMPLES = {
    "a queue without maxsize": "waiting = queue.Queue()",
    "a SimpleQueue, which takes no limit": "SimpleQueue()",
    "a pool without max_workers": "ThreadPoolExecutor()",
    "a cache without maxsize": "@lru_cache(maxsize=None)",
    "a channel without a limit": "let (tx, rx) = mpsc::channel();",
    "an endless read": "stream.read_to_end(&mut bytes)?;",
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_pattern_finds_its_sample(name: str) -> None:
    assert UNBOUNDED[name].search(SAMPLES[name])


def test_there_are_sources_in_both_languages() -> None:
    assert {path.suffix for path in SOURCES} == {".rs", ".py"}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_source_has_nothing_without_a_limit(path: Path) -> None:
    text = text_of(path)

    found = [name for name, pattern in UNBOUNDED.items() if pattern.search(text)]

    assert not found, f"{path}: {', '.join(found)}; give it a limit with a name"
