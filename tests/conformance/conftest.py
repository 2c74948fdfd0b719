"""Fixtures of the conformance suite: one session per module, and gates between processes.

Owns the size of the session that the rows speak about: four CPUs, two GPUs, some widgets.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.collective_groups import Group, Member, left
from tests.conformance.drivers import Driver, run_driver
from tests.conformance.waiting import Gate, Tally

ROOT = Path(__file__).resolve().parents[2]
CPUS = 4
GPUS = 2
WIDGETS = 4
NAMESPACE = "conformance"


@pytest.fixture(scope="session", autouse=True)
def suite_can_be_imported() -> Iterator[None]:
    """Workers and drivers started by a test find the suite's own modules, whatever the tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def session() -> Iterator[aktis.Context]:
    """A session with 4 CPUs, 2 GPUs (no devices behind them), 4 widgets and a label."""
    with aktis.init(
        address="local",
        num_cpus=CPUS,
        num_gpus=GPUS,
        resources={"widget": WIDGETS},
        labels={"zone": "north"},
        namespace=NAMESPACE,
        object_store_memory=200 * 1024**2,
    ) as context:
        yield context


@pytest.fixture
def no_session() -> Iterator[None]:
    """No session before, and none left behind."""
    aktis.shutdown()
    yield
    aktis.shutdown()


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


@pytest.fixture
def drive(tmp_path: Path) -> Callable[..., Driver]:
    """Runs a program as a driver of its own, to its end, and returns what it printed."""

    def run(program: str, *, env: dict[str, str] | None = None, timeout_s: float = 50.0) -> Driver:
        return run_driver(program, directory=tmp_path, env=env, timeout_s=timeout_s)

    return run


@pytest.fixture(scope="module")
def idle_members() -> list[Any]:
    """Actors that are in no group: to make one takes longer than most tests."""
    return []


@pytest.fixture
def make_group(idle_members: list[Any]) -> Iterator[Callable[..., Group]]:
    """Makes groups of so many actors, each under a name of its own."""
    made: list[Group] = []

    def make(size: int, **options: Any) -> Group:
        members = [idle_members.pop() if idle_members else Member.remote() for _ in range(size)]
        made.append(Group(members, f"group {next(_numbers)}", **options))
        return made[-1]

    yield make
    for group in made:
        idle_members.extend(member for member in group.members if left(member, group.name))


_numbers = itertools.count()
