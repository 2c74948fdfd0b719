"""The values of metrics, for programs.

Owns their public form. Does not own how they are added up (`aktis.measures.reading`).
"""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aktis
from aktis.ids import JobID
from aktis.measures import reading
from aktis.measures.book import DIRECTORY

if TYPE_CHECKING:
    from aktis.measures.reading import Measured


class Value(NamedTuple):
    """One series of a metric.

    Attributes:
        kind: "counter", "gauge" or "histogram".
        name: The name of the metric.
        description: What it measures.
        tags: Its tags.
        job_id: The job for which it was counted, in hexadecimal.
        worker_id: The process that set it, in hexadecimal; "" unless it is a gauge.
        value: The count of a counter, the value of a gauge, the sum of a histogram.
        buckets: Of a histogram, how many values were at most how large; the last is infinite.
    """

    kind: str
    name: str
    description: str
    tags: dict[str, str]
    job_id: str
    worker_id: str
    value: float
    buckets: tuple[tuple[float, float], ...] = ()


def read() -> list[Value]:
    """Returns what all processes of this node have counted by now, those that ended too.

    A gauge has a value for each process, until a minute after a process that ended has set it.

    Raises:
        RuntimeError: There is no session.
    """
    if not aktis.is_initialized():
        message = "read() needs a session; call aktis.init() first"
        raise RuntimeError(message)
    return read_from(Path(aktis.get_runtime_context().get_temp_dir()) / DIRECTORY)


def read_from(directory: Path) -> list[Value]:
    """The same, of the session whose books lie there."""
    if not directory.exists():
        return []
    found = [_public(measured) for measured in reading.gather(directory)]
    return sorted(found, key=lambda one: (one.name, sorted(one.tags.items()), one.worker_id))


def _public(measured: Measured) -> Value:
    series = measured.series
    ends = (*series.boundaries, float("inf"))
    counts = accumulate(measured.numbers[1:])
    return Value(
        kind=series.kind,
        name=series.name,
        description=series.description,
        tags=series.tags,
        job_id=JobID.from_int(measured.job).hex(),
        worker_id=measured.worker,
        value=measured.numbers[0],
        buckets=tuple(zip(ends, counts, strict=True)) if series.kind == "histogram" else (),
    )
