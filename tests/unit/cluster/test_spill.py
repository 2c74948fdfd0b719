"""The thread that spills, with real files, spoken to as the daemon's loop does."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

import pytest

from aktis.cluster import spill

FIRST, SECOND = bytes(28), b"\1" * 28
ARENA_BYTES = 1 << 20


class Loop:
    """The daemon's side."""

    def __init__(self, directory: Path) -> None:
        self.arena = mmap(-1, ARENA_BYTES)
        self.thread, self.pipes = spill.start(self.arena, str(directory))

    def tell(self, kind: int, identifier: bytes, offset: int, size: int) -> None:
        """Tells a job."""
        os.write(self.pipes.jobs_fd, spill.JOB.pack(identifier, kind, offset, size))

    def hear(self) -> tuple[bytes, str]:
        """Waits for an outcome."""
        select.select([self.pipes.outcomes_fd], [], [])
        outcome = os.read(self.pipes.outcomes_fd, spill.OUTCOME_BYTES_MAX)
        return outcome[:28], outcome[28:].decode()

    def end(self) -> None:
        """Hangs up."""
        for descriptor in self.pipes:
            os.close(descriptor)
        self.thread.join()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """The daemon's side of a thread that spills to the directory `spilled`."""
    loop = Loop(tmp_path / "spilled")
    yield loop
    loop.end()


def test_an_object_comes_back_from_disk_as_it_was(loop: Loop, tmp_path: Path) -> None:
    loop.arena[4096:9096] = b"7" * 5000

    loop.tell(spill.SPILL, FIRST, 4096, 5000)
    loop.tell(spill.RESTORE, FIRST, 16384, 5000)
    loop.tell(spill.DELETE, FIRST, 0, 0)
    loop.tell(spill.SPILL, SECOND, 0, 1)

    assert [loop.hear() for _ in range(3)] == [(FIRST, ""), (FIRST, ""), (SECOND, "")]
    assert loop.arena[16384:21384] == b"7" * 5000
    assert [path.name for path in (tmp_path / "spilled").iterdir()] == [f"object-{SECOND.hex()}"]


def test_what_cannot_be_done_is_told_with_its_file(loop: Loop, tmp_path: Path) -> None:
    loop.tell(spill.RESTORE, FIRST, 0, 1)
    file = tmp_path / "spilled" / f"object-{FIRST.hex()}"
    assert loop.hear() == (FIRST, f"cannot read {file}: No such file or directory")

    file.parent.write_text("no directory")
    loop.tell(spill.SPILL, FIRST, 0, 1)
    assert loop.hear() == (FIRST, f"cannot spill to {file.parent}: File exists")


def test_what_was_not_begun_when_the_loop_hung_up_is_left(tmp_path: Path) -> None:
    loop = Loop(tmp_path / "spilled")
    os.close(loop.pipes.outcomes_fd)

    loop.tell(spill.SPILL, FIRST, 0, 5000)
    loop.thread.join()
    os.close(loop.pipes.jobs_fd)

    assert len(list((tmp_path / "spilled").iterdir())) == 1


def test_an_object_of_which_the_file_was_cut_is_not_taken_for_whole(
    loop: Loop, tmp_path: Path
) -> None:
    loop.tell(spill.SPILL, FIRST, 0, 5000)
    assert loop.hear() == (FIRST, "")
    file = tmp_path / "spilled" / f"object-{FIRST.hex()}"
    os.truncate(file, 4999)

    loop.tell(spill.RESTORE, FIRST, 0, 5000)

    assert loop.hear() == (FIRST, f"cannot read {file}: it has 4999 bytes of 5000")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_full_disk_is_told_apart(loop: Loop, tmp_path: Path) -> None:
    directory = tmp_path / "spilled"
    directory.mkdir()
    (directory / f"object-{FIRST.hex()}").symlink_to("/dev/full")

    loop.tell(spill.SPILL, FIRST, 0, 5000)

    assert loop.hear() == (
        FIRST,
        f"disk full while spilling to {directory}: No space left on device",
    )
    assert list(directory.iterdir()) == [], "half a file was left"
