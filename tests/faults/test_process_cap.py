"""Tasks that wait for each other where no further process may be started.

Owns the cap of worker processes and what waiting tasks lend. Does not own shapes and turns (Rust).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import Gate, Tally, wait_for

PROCESSES_MAX = 2
DEVICES = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(autouse=True)
def small_node(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A session with one CPU, two GPUs and, of one kind, no more than two worker processes."""
    monkeypatch.setenv("AKTIS_ENGINE_WORKERS_MAX", str(PROCESSES_MAX))
    monkeypatch.delenv(DEVICES, raising=False)
    with aktis.init(address="local", num_cpus=1, num_gpus=2):
        yield


def test_nested_tasks_of_many_submitters_end_however_deep() -> None:
    trees = [tree.remote(depth=20, width=1), tree.remote(depth=4, width=3)]
    outer = [[tree.remote(depth=3, width=2)] for _ in range(4)]
    readers = [read.remote(inner) for inner in outer]

    assert len(set().union(*aktis.get(trees, timeout=60))) <= PROCESSES_MAX
    assert len(set().union(*aktis.get(readers, timeout=60))) <= PROCESSES_MAX


def test_a_task_waits_for_one_that_waits_for_what_comes_last() -> None:
    @aktis.remote(num_cpus=0)
    class Board:
        def __init__(self) -> None:
            self.refs: list[Any] = []

        def put_up(self, refs: list[Any]) -> None:
            self.refs.extend(refs)

        def look(self) -> list[Any]:
            return self.refs

    @aktis.remote
    def read_board(board: Any) -> int:
        while not (refs := aktis.get(board.look.remote())):
            pass
        found: int = aktis.get(refs[0])
        return found

    @aktis.remote
    def read_one(refs: list[Any]) -> int:
        found: int = aktis.get(refs[0])
        return found

    board = Board.remote()
    first = read_board.remote(board)
    chain = [read_one.remote([first])]
    for _ in range(6):
        chain.append(read_one.remote([chain[-1]]))
    last = seven.remote()
    board.put_up.remote([last])

    assert aktis.get(chain, timeout=60) == [7] * 7


def test_tasks_of_many_environments_end_with_one_process_beyond_the_cap_for_each() -> None:
    levels = ["a", "b", "c"]
    environments = len(levels) + 1

    alone = aktis.get(descend.remote(levels * 4), timeout=60)
    together = [descend.remote(levels[at:] * 3) for at in range(3)]

    assert len(alone) == environments
    assert len(set().union(*aktis.get(together, timeout=60))) <= PROCESSES_MAX + environments


def test_a_task_that_waits_finds_its_devices_when_it_goes_on() -> None:
    @aktis.remote
    def plain(depth: int) -> list[str | None]:
        return [os.environ.get(DEVICES), *(aktis.get(plain.remote(depth - 1)) if depth else [])]

    @aktis.remote(num_gpus=1, max_calls=0)
    def with_device(depth: int) -> list[str | None]:
        before = os.environ.get(DEVICES)
        below = aktis.get(with_device.remote(depth - 1) if depth else plain.remote(2))
        return [before, *below, os.environ.get(DEVICES)]

    seen = aktis.get(with_device.remote(1), timeout=60)

    assert seen in (["0", "1", *[None] * 3, "1", "0"], ["1", "0", *[None] * 3, "0", "1"])


def test_a_generator_that_is_ahead_enough_lends_its_cpu(tally: Tally) -> None:
    stream = count.options(_generator_backpressure_num_objects=1).remote(tally)
    wait_for(lambda: tally.count() == 1)

    assert aktis.get(seven.remote(), timeout=30) == 7
    assert [aktis.get(ref) for ref in stream] == [0, 1, 2]


@pytest.mark.parametrize("how", ["next", "wait"])
def test_a_task_that_waits_for_a_stream_lends_its_cpu_and_its_process(
    how: str, tally: Tally
) -> None:
    @aktis.remote
    def consume(how: str, tally: Tally, depth: int) -> int:
        stream = count.remote(tally) if depth == 0 else deeper.remote(how, tally, depth - 1)
        if how == "wait":
            waited: list[Any] = [stream, aktis.put(0)]
            assert aktis.wait(waited, num_returns=2, timeout=None)[1] == []
        last: int = [aktis.get(ref) for ref in stream][-1]
        return last

    @aktis.remote(num_returns="streaming")
    def deeper(how: str, tally: Tally, depth: int) -> Iterator[int]:
        yield aktis.get(consume.remote(how, tally, depth))

    assert aktis.get(consume.remote(how, tally, 4), timeout=60) == 2


def test_what_runs_while_others_wait_can_be_cancelled(
    gate: Gate, started: Gate, tmp_path: Path
) -> None:
    never = Gate(tmp_path / "never")

    @aktis.remote
    def child(depth: int) -> None:
        if depth > 0:
            aktis.get(child.remote(depth - 1))
            return
        started.open()
        try:
            never.wait()
        finally:
            gate.open()

    root = child.remote(PROCESSES_MAX + 2)
    started.wait()
    aktis.cancel(root)

    gate.wait()
    with pytest.raises(aktis.exceptions.TaskCancelledError):
        aktis.get(root, timeout=30)


def test_what_ends_because_a_task_beside_it_was_ended_by_force_says_so(
    started: Gate, tmp_path: Path
) -> None:
    never = Gate(tmp_path / "never")

    @aktis.remote(num_cpus=0)
    def grandchild() -> None:
        started.open()
        never.wait()

    @aktis.remote(num_cpus=0)
    def child() -> None:
        ref = grandchild.remote()
        started.wait()
        aktis.cancel(ref, force=True)

    @aktis.remote(max_retries=0)
    def root() -> None:
        aktis.get(child.remote())

    sentence = r"root: worker \d+\.\d+ exited with code 0: a task was cancelled with force$"
    with pytest.raises(aktis.exceptions.WorkerCrashedError, match=sentence):
        aktis.get(root.remote(), timeout=30)


@aktis.remote
def tree(depth: int, width: int) -> set[int]:
    """The processes in which a tree of tasks ran."""
    here = {os.getpid()}
    if depth == 0:
        return here
    return here.union(*aktis.get([tree.remote(depth - 1, width) for _ in range(width)]))


@aktis.remote
def descend(environments: list[str]) -> set[tuple[str, int]]:
    """The environments and processes of tasks that wait for one another."""
    here = {(os.environ.get("LEVEL", ""), os.getpid())}
    if not environments:
        return here
    level, *deeper = environments
    child = descend.options(runtime_env={"env_vars": {"LEVEL": level}})
    return here | aktis.get(child.remote(deeper))


@aktis.remote
def read(refs: list[Any]) -> set[int]:
    """What somebody else's task returns, after one of its own."""
    theirs: set[int] = aktis.get(refs[0])
    return theirs | aktis.get(tree.remote(1, 1))


@aktis.remote
def seven() -> int:
    """Seven."""
    return 7


@aktis.remote(num_returns="streaming")
def count(tally: Tally) -> Iterator[int]:
    """Counts to three, and notes each step."""
    for number in range(3):
        tally.add()
        yield number
