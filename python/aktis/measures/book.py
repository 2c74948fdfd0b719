"""The book of a process: the values of its metrics, in files of the session's directory.

Owns the files and how they are written. Does not own what is counted (`aktis.util.metrics`), nor
how books of many processes become one answer (`aktis.measures.reading`).

A book is two files. One has a line for each series, which says what it is; the other has its
numbers, and is mapped into memory. So a change is a store to memory, no thread writes anything out,
and what was counted is there however the process ends. The first file is locked while its process
lives; the kernel lets go of the lock however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aktis._kernel import session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aktis._kernel.session import Session

DIRECTORY = "metrics"
LINES, NUMBERS = ".lines", ".numbers"
NUMBER_BYTES = 8
# Whoever makes up a tag for each request would fill the disk: beyond this nothing new is counted.
NUMBERS_MAX = 1 << 17

# Whoever changes a number holds this; the same thread may come again, from a finalizer.
changing = threading.RLock()


class Series(NamedTuple):
    """What a few numbers are.

    Attributes:
        kind: "counter", "gauge" or "histogram".
        boundaries: Upper ends of the buckets of a histogram, but for the last, which has none.
    """

    kind: str
    name: str
    description: str
    tags: dict[str, str]
    boundaries: tuple[float, ...] = ()

    @property
    def numbers(self) -> int:
        """How many numbers it has: a sum; a value and when it was set; a sum and the buckets."""
        return {"counter": 1, "gauge": 2, "histogram": len(self.boundaries) + 2}[self.kind]


class FullError(Exception):
    """A book has no room for another series."""


class Book:
    """The series of one process and one job."""

    def __init__(self, directory: Path, *, job: int, worker: str) -> None:
        self.directory = directory
        self.job = job
        self.series: dict[object, memoryview[float]] = {}
        self._used = 0
        self._mapped = 0
        self._free: memoryview[float] = memoryview(bytearray()).cast("d")
        with locked(directory):
            path = directory / f"{job}-{worker}-{os.urandom(4).hex()}"
            self._numbers = _new_file(path.with_suffix(NUMBERS))
            self._lines = _new_file(path.with_suffix(LINES))
            fcntl.flock(self._lines, fcntl.LOCK_EX)

    def add(self, key: object, series: Series) -> memoryview[float]:
        """Takes a series up, and returns its numbers, which are zero.

        Raises:
            FullError: There is no room for it.
            OSError: The disk is full, or the session's directory is gone.
        """
        if self._used + series.numbers > NUMBERS_MAX:
            raise FullError
        if len(self._free) < series.numbers:
            self._map_more(series.numbers)
        begin = self._mapped - len(self._free)
        line = json.dumps({"at": begin, **series._asdict()}) + "\n"
        _append(self._lines, line.encode())
        found, self._free = self._free[: series.numbers], self._free[series.numbers :]
        self._used += series.numbers
        self.series[key] = found
        return found

    def close(self) -> None:
        """Lets go of the files: what they hold is from now on that of a process that ended."""
        self.series.clear()
        os.close(self._numbers)
        os.close(self._lines)

    def _map_more(self, count: int) -> None:
        grain = mmap.ALLOCATIONGRANULARITY
        length = -(-count * NUMBER_BYTES // grain) * grain
        offset = self._mapped * NUMBER_BYTES
        # Without room on the disk the mapped memory would be an error at its first use.
        os.posix_fallocate(self._numbers, offset, length)
        mapped = mmap.mmap(self._numbers, length, offset=offset)
        self._free = memoryview(mapped).cast("d")
        self._mapped += length // NUMBER_BYTES


class _Open:
    """The book of this process, at most one: that of the job for which it works."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.job = 0
        self.book: Book | None = None

    def close(self) -> None:
        with changing:
            if self.book is not None:
                self.book.close()
            self.session = self.book = None


def current() -> Book | None:
    """The book of this process, for the job at hand; whoever asks holds `changing`.

    None outside of a session, and where there can be no book, which is logged once.
    """
    here = session.current()
    if here is None:
        return None
    job = here.engine.job
    if here is not _open.session or job != _open.job:
        _begin(here, job)
    return _open.book


def directory_of(here: Session) -> Path:
    """Where the books of a session lie on this node."""
    return Path(here.session_dir) / DIRECTORY


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Nobody begins a book, or takes one away, while this is held."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _begin(here: Session, job: int) -> None:
    if _open.session is None and here.is_driver:
        session.before_leaving(_open.close)
    _open.close()
    _open.session, _open.job = here, job
    directory = directory_of(here)
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        _open.book = Book(directory, job=job, worker=here.worker_id.hex())
    except OSError as error:
        import logging

        message = "metrics of this process are not kept: no file for them in %s (%s)"
        logging.getLogger("aktis").warning(message, directory, error)


def _append(descriptor: int, line: bytes) -> None:
    """Writes all of a line, or nothing."""
    written = os.write(descriptor, line)
    if written < len(line):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _new_file(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags | (os.O_APPEND if path.suffix == LINES else 0), 0o600)


def _begin_anew() -> None:
    """In a forked child: what it counts goes into a book of its own."""
    _open.close()
    changing.release()


_open = _Open()
os.register_at_fork(
    before=changing.acquire, after_in_parent=changing.release, after_in_child=_begin_anew
)
