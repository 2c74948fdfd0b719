"""A measured figure: what was measured, where, how often; its line of JSON and its interval.

Owns the form of a result file. Does not own how samples are taken (`trial`) or shown (`table`).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benches.goals import Better

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Figure:
    """All samples of one measure with one engine, one list for each round."""

    measure: str
    unit: str
    better: Better
    engine: str
    engine_version: str
    machine: dict[str, str | int]
    commit: str
    settings: dict[str, str | int | float]
    rounds: tuple[tuple[float, ...], ...]
    note: str = ""

    @cached_property
    def samples(self) -> list[float]:
        """Returns the samples of all rounds."""
        return list(chain.from_iterable(self.rounds))

    @property
    def median(self) -> float:
        """Returns the median of all samples."""
        return median(self.samples)

    @property
    def best(self) -> float:
        """Returns the best single sample."""
        return max(self.samples) if self.better == "higher" else min(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """Returns the lowest and the highest median of a round.

        Samples of one round share a process and its luck, so that only rounds count as independent.
        """
        medians = [median(samples) for samples in self.rounds]
        return min(medians), max(medians)

    def to_json(self) -> str:
        """Returns one line with the samples and what follows from them."""
        low, high = self.interval
        summary = {
            "repeats": len(self.samples),
            "median": self.median,
            "min": min(self.samples),
            "max": max(self.samples),
            "low": low,
            "high": high,
        }
        return json.dumps({"kind": "figure", **asdict(self), **summary})

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Figure:
        """Builds a figure from a parsed line; the summary is computed anew."""
        fields = {name: record[name] for name in cls.__dataclass_fields__}
        fields["rounds"] = tuple(tuple(samples) for samples in record["rounds"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that gave no figures with one engine in one round, and why."""

    row: str
    engine: str
    round: int
    reason: str
    stderr_tail: str

    def to_json(self) -> str:
        """Returns the failure as one line."""
        return json.dumps({"kind": "failure", **asdict(self)})


def joined(figures: Iterable[Figure]) -> list[Figure]:
    """Joins the rounds of figures that share measure and engine, in order of appearance."""
    by_key: dict[tuple[str, str], Figure] = {}
    for figure in figures:
        key = figure.measure, figure.engine
        first = by_key.get(key, figure)
        rounds = first.rounds if first is figure else first.rounds + figure.rounds
        fields = {name: getattr(first, name) for name in Figure.__dataclass_fields__}
        by_key[key] = Figure(**{**fields, "rounds": rounds})
    return list(by_key.values())


def read(path: Path) -> list[Figure]:
    """Reads the figures of a result file and passes over its failures."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return joined(Figure.from_record(record) for record in records if record["kind"] == "figure")


def machine() -> dict[str, str | int]:
    """Describes this machine without naming it."""
    cpu_names = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    }
    return {
        "cpu": ", ".join(sorted(cpu_names)) or platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Returns the commit of the tree, marked when files differ from it, or "unknown"."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607 - the git of the developer
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"
