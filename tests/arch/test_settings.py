"""Every setting is read in one place: no other file of the product looks into the environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.sources import listed, text_of

# Reads only: a worker may set variables for the user's code that it runs.
READS_ENVIRONMENT = re.compile(
    r"\bgetenv\(|\benviron\.get\(|\benviron\[[^\]]+\](?!\s*=[^=])|\benv::vars?(?:_os)?\("
)
READER = Path("python/aktis/settings.py")
SOURCES = listed("crates/*.rs", "python/*.py")


def test_the_pattern_tells_reading_from_writing() -> None:
    assert READS_ENVIRONMENT.search('limit = os.environ["LIMIT"]')
    assert READS_ENVIRONMENT.search("std::env::var(NAME)")
    assert not READS_ENVIRONMENT.search('os.environ["LIMIT"] = "3"')


def test_there_is_a_place_that_reads_settings() -> None:
    assert READER in SOURCES


@pytest.mark.parametrize("path", [path for path in SOURCES if path != READER], ids=str)
def test_source_takes_settings_as_arguments(path: Path) -> None:
    found = READS_ENVIRONMENT.search(text_of(path))

    assert found is None, f"{path} reads the environment; {READER} does that"
