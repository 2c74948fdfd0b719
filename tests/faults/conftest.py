"""Fixtures of the tests that kill: a session for each test, and drivers that may be killed.

Owns the sessions of this folder. Each test has its own, because what it kills is gone afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import aktis
from tests.conformance.waiting import Gate, Tally

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def suite_can_be_imported() -> Iterator[None]:
    """Workers and drivers started by a test find the suite's own modules, whatever the tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        yield


@pytest.fixture
def session() -> Iterator[aktis.Context]:
    """A session with 4 CPUs for one test."""
    with aktis.init(address="local", num_cpus=4) as context:
        yield context


@pytest.fixture
def session_directory(session: aktis.Context) -> Path:
    """The directory of the test's session, which names its processes too."""
    return Path(session.address_info["session_dir"])


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A closed gate."""
    return Gate(tmp_path / "gate")


@pytest.fixture
def started(tmp_path: Path) -> Gate:
    """A gate which the task under test opens once it runs."""
    return Gate(tmp_path / "started")


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """A count at zero."""
    return Tally(tmp_path / "tally")
