"""One row, tried once with one engine: its clock, its samples, its declared measures.

Owns how long an operation is repeated and what is recorded. Does not own the workloads (`micro`,
`scale`), nor what a figure should be (`goals`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from benches.goals import Better, Goal

CPUS = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure that a row yields, with its ceiling in words and what it must reach."""

    name: str
    unit: str
    better: Better
    sketch: str
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how much a row repeats its work."""

    windows: int
    window_s: float
    warm_up_s: float
    idle_s: float
    pending_tasks: int
    queued_tasks: int
    array_bytes: tuple[int, ...]
    table_rows: int
    leaves: int

    @classmethod
    def full(cls) -> Effort:
        """Returns the effort that figures worth keeping need."""
        sizes = (8_000_000, 80_000_000, 800_000_000)
        return cls(5, 1.0, 1.0, 5.0, 200_000, 1_000_000, sizes, 400_000, 2_048)

    @classmethod
    def quick(cls) -> Effort:
        """Returns an effort that shows only that every row works."""
        return cls(3, 0.2, 0.2, 2.0, 20_000, 20_000, (8_000_000, 80_000_000), 20_000, 256)


@dataclass(slots=True)
class Trial:
    """The running of one row with one engine in this process."""

    engine_name: str
    effort: Effort
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def start(self, resources: dict[str, float] | None = None) -> ModuleType:
        """Starts a local cluster of `CPUS` cores, runs one task on it, and returns the engine."""
        engine = self.init(resources)
        first = engine.remote(lambda: None)
        engine.get([first.remote() for _ in range(CPUS)])
        return engine

    def init(self, resources: dict[str, float] | None = None) -> ModuleType:
        """Starts a local cluster and returns the engine; no task has run on it yet."""
        engine = importlib.import_module(self.engine_name)
        engine.init(
            address="local",
            num_cpus=CPUS,
            resources=resources or {},
            include_dashboard=False,
            log_to_driver=False,
        )
        return engine

    def record(self, measure: str, *samples: float, note: str = "") -> None:
        """Adds samples to a measure; a note says how they differ from the declared workload."""
        self.samples.setdefault(measure, []).extend(samples)
        if note:
            self.notes[measure] = note

    def rate(self, measure: str, operation: Callable[[], object], *, count: float = 1) -> None:
        """Repeats `operation`, which does `count` units of work, and records units per second."""
        self._repeat(self.effort.warm_up_s, operation)
        for _ in range(self.effort.windows):
            calls, elapsed_s = self._repeat(self.effort.window_s, operation)
            self.record(measure, calls * count / elapsed_s)

    def latency(self, measure: str, operation: Callable[[], object]) -> None:
        """Repeats `operation` and records microseconds per call."""
        self._repeat(self.effort.warm_up_s, operation)
        for _ in range(self.effort.windows):
            calls, elapsed_s = self._repeat(self.effort.window_s, operation)
            self.record(measure, elapsed_s / calls * 1e6)

    @staticmethod
    def _repeat(at_least_s: float, operation: Callable[[], object]) -> tuple[int, float]:
        calls = 0
        start = perf_counter()
        while True:
            operation()
            calls += 1
            elapsed_s = perf_counter() - start
            if elapsed_s >= at_least_s:
                return calls, elapsed_s


@dataclass(frozen=True, slots=True)
class Row:
    """A workload that is tried in a process of its own, and the measures it yields."""

    name: str
    run: Callable[[Trial], None]
    measures: tuple[Measure, ...]
    timeout_s: float = 120.0
    optional: bool = False
    needs_engine: bool = True
    runs_libraries: bool = False
