"""What an engine costs while nothing runs.

Owns memory and processor time of every process that the engine started, workers apart from the
rest. Does not count the driver's own process.
"""

from __future__ import annotations

import os
import threading
from time import perf_counter

from benches.goals import AtMost
from benches.processes import Process, adopt_orphans, descendants
from benches.trial import CPUS, Measure, Row, Trial

SETTLE_WINDOWS = 2
HOLD_S = 0.2


def stay_idle(trial: Trial) -> None:
    """Starts a cluster, lets it settle, and watches its processes while nothing is asked."""
    adopt_orphans()
    engine = trial.start()
    worker_ids = _worker_ids(trial, CPUS)
    threading.Event().wait(trial.effort.idle_s * SETTLE_WINDOWS)
    cpu_percent = _cpu_percents(trial.effort.idle_s)
    workers: list[Process] = []
    system: list[Process] = []
    for process in descendants(os.getpid()):
        idle_worker = process.title().startswith(f"{engine.__name__}::IDLE")
        (workers if idle_worker or process.id in worker_ids else system).append(process)
    _record(trial, "idle_system", system, cpu_percent)
    _record(trial, "idle_workers", workers, cpu_percent)
    trial.notes["idle_system_pss"] = f"{len(system)} processes: " + ", ".join(
        sorted(process.name() for process in system)
    )
    trial.notes["idle_workers_pss"] = f"{len(workers)} processes"


def _worker_ids(trial: Trial, count: int) -> set[int]:
    engine = __import__(trial.engine_name)

    def hold() -> int:
        threading.Event().wait(HOLD_S)
        return os.getpid()

    holder = engine.remote(hold)
    return set(engine.get([holder.remote() for _ in range(count)]))


def _cpu_percents(duration_s: float) -> dict[int, float]:
    before = {process: process.cpu_s() for process in descendants(os.getpid())}
    start = perf_counter()
    threading.Event().wait(duration_s)
    elapsed_s = perf_counter() - start
    return {
        # A process that ended meanwhile shows no time, and is not there to be summed either.
        process.id: max(process.cpu_s() - used_s, 0.0) / elapsed_s * 100
        for process, used_s in before.items()
    }


def _record(
    trial: Trial, kind: str, processes: list[Process], cpu_percent: dict[int, float]
) -> None:
    trial.record(f"{kind}_pss", sum(process.pss_bytes() for process in processes) / 1e6)
    trial.record(f"{kind}_rss", sum(process.rss_bytes() for process in processes) / 1e6)
    trial.record(f"{kind}_cpu", sum(cpu_percent.get(process.id, 0.0) for process in processes))


ROWS = (
    Row(
        "idle",
        stay_idle,
        (
            Measure("idle_system_pss", "MB", "lower", "two bare interpreters", (AtMost(60.0),)),
            Measure("idle_system_rss", "MB", "lower", "counts shared pages once for each process"),
            Measure(
                "idle_system_cpu",
                "% of a core",
                "lower",
                "a heartbeat now and then",
                (AtMost(0.2),),
            ),
            Measure("idle_workers_pss", "MB", "lower", "what a fork does not share"),
            Measure("idle_workers_rss", "MB", "lower", "counts shared pages once for each process"),
            Measure("idle_workers_cpu", "% of a core", "lower", "nothing"),
        ),
    ),
)
