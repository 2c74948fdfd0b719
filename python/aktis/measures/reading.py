"""The metrics of a node, added up from the books of its processes.

Owns what becomes of a book when its process has ended. Does not own how books are written
(`aktis.measures.book`), nor the forms in which the sums are shown (`aktis.util.metrics`).

Sums and buckets of all processes are added, so that a series never falls when a process ends; what
those that ended counted is kept in one file. A gauge is the last value of each process.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from aktis.measures.book import LINES, NUMBERS, Series, locked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The gauge of a process that ended is shown for this long after it was set: Prometheus asks rarely.
LAST_GAUGE_S = 60.0
# A process that begins a book looks whether others ended, if there are more books than this.
BOOKS_MAX = 64
ENDED = "ended.json"

# Job, process (gauges only), and the series itself.
Place: TypeAlias = "tuple[int, str, str]"


class Measured(NamedTuple):
    """One series, as it is now.

    Attributes:
        job: The job for which it was measured.
        worker: The process that set it, in hexadecimal, if it is a gauge.
        numbers: The sum of a counter; the value of a gauge and when it was set; the sum and the
            buckets of a histogram.
    """

    series: Series
    job: int
    worker: str
    numbers: tuple[float, ...]


class _Found(NamedTuple):
    """A book on the disk."""

    path: Path
    job: int
    worker: str
    lives: bool
    entries: list[tuple[Series, tuple[float, ...]]]

    def is_over(self, now_s: float) -> bool:
        """Whether nothing in it will be shown as that of a single process any more."""
        gauges = [numbers for series, numbers in self.entries if series.kind == "gauge"]
        return not self.lives and all(_has_lapsed(numbers, now_s) for numbers in gauges)


class _Sums:
    """Series being added up."""

    def __init__(self) -> None:
        self.by_place: dict[Place, Measured] = {}

    def add(self, found: _Found, now_s: float) -> None:
        """Adds a book to them."""
        for series, numbers in found.entries:
            if series.kind != "gauge":
                self.add_one(Measured(series, found.job, "", numbers))
            elif found.lives or not _has_lapsed(numbers, now_s):
                self.add_one(Measured(series, found.job, found.worker, numbers))

    def add_one(self, measured: Measured) -> None:
        """Adds a series to that of its place."""
        place = (measured.job, measured.worker, json.dumps(_identity(measured.series)))
        former = self.by_place.get(place)
        self.by_place[place] = measured if former is None else _joined(former, measured)


def gather(directory: Path, now_s: float | None = None) -> list[Measured]:
    """All series of a node; books of processes that ended are put together on the way.

    Args:
        directory: Where the books lie.
        now_s: The moment, as `time.monotonic` tells it; None is now.

    Raises:
        FileNotFoundError: There was never a book.
    """
    moment_s = time.monotonic() if now_s is None else now_s
    with locked(directory):
        sums, books = _take_up(directory, moment_s)
        for found in books:
            sums.add(found, moment_s)
    return list(sums.by_place.values())


def tidy(directory: Path) -> None:
    """Puts books of processes that ended together, if there are many and the disk has room."""
    if sum(1 for _ in directory.glob(f"*{LINES}")) > BOOKS_MAX:
        # They stay as they are, and whoever reads them next is told what is wrong.
        with contextlib.suppress(OSError):
            gather(directory)


def _take_up(directory: Path, now_s: float) -> tuple[_Sums, list[_Found]]:
    """What ended processes counted, with the books that are over added to it, and the others."""
    sums, former = _load(directory)
    # Their numbers are in the sums already: whoever added them was ended before it removed them.
    for name in former:
        _remove(directory / name)
    books = [_read(path) for path in sorted(directory.glob(f"*{LINES}"))]
    over = [found for found in books if found.is_over(now_s)]
    if over:
        for found in over:
            sums.add(found, now_s)
        _store(directory, sums, [found.path.name for found in over])
        for found in over:
            _remove(found.path)
    return sums, [found for found in books if found not in over]


def _read(path: Path) -> _Found:
    job, worker, _ = path.stem.split("-")
    with path.open("rb") as file:
        lives = not _try_lock(file.fileno())
        # The last line has no end while it is being written.
        lines = file.read().split(b"\n")[:-1]
    # After the lines, so that each has its numbers.
    numbers = array("d", path.with_suffix(NUMBERS).read_bytes())
    return _Found(path, int(job), worker, lives, list(_entries(lines, numbers)))


def _entries(
    lines: Iterable[bytes], numbers: array[float]
) -> Iterable[tuple[Series, tuple[float, ...]]]:
    for line in lines:
        told: dict[str, Any] = json.loads(line)
        begin = told.pop("at")
        series = _series(told)
        yield series, tuple(numbers[begin : begin + series.numbers])


def _load(directory: Path) -> tuple[_Sums, list[str]]:
    """The sums of what ended, and which books are in them but may lie there still."""
    try:
        stored = json.loads((directory / ENDED).read_bytes())
    except FileNotFoundError:
        return _Sums(), []
    sums = _Sums()
    for job, told, numbers in stored["series"]:
        sums.add_one(Measured(_series(told), job, "", tuple(numbers)))
    return sums, stored["books"]


def _store(directory: Path, sums: _Sums, books: list[str]) -> None:
    series = [(one.job, one.series._asdict(), one.numbers) for one in sums.by_place.values()]
    new = directory / f"{ENDED}.new"
    new.write_text(json.dumps({"series": series, "books": books}))
    new.replace(directory / ENDED)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(NUMBERS).unlink(missing_ok=True)


def _series(told: dict[str, Any]) -> Series:
    return Series(**{**told, "boundaries": tuple(told["boundaries"])})


def _identity(series: Series) -> list[object]:
    """What makes a series the same wherever it is counted: not how it is described."""
    return [series.kind, series.name, sorted(series.tags.items()), series.boundaries]


def _joined(one: Measured, other: Measured) -> Measured:
    """Two of one place: their sum, or the gauge that was set last."""
    if one.series.kind == "gauge":
        return max(one, other, key=lambda gauge: gauge.numbers[1])
    numbers = tuple(map(sum, zip(one.numbers, other.numbers, strict=True)))
    return one._replace(numbers=numbers)


def _has_lapsed(gauge: tuple[float, ...], now_s: float) -> bool:
    return now_s - gauge[1] > LAST_GAUGE_S


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
