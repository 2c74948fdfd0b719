"""Tasks in numbers that only a queue can hold.

Owns what a queued task costs its submitter, and how long a very deep queue takes to drain.
"""

from __future__ import annotations

import gc
import os
import threading
from time import perf_counter

from benches.processes import Process
from benches.trial import Measure, Row, Trial

SETTLE_S = 0.5
SETTLED_BYTES = 1_000_000
SETTLE_ROUNDS_MAX = 40
RAY_FRACTION = 10
MILLION = 1_000_000


def pending_memory(trial: Trial) -> None:
    """Queues tasks for a resource that an actor holds; the refs are kept and counted in."""
    engine = trial.start(resources={"gate": 1.0})

    class Holder:
        def ready(self) -> bool:
            return True

    holder = engine.remote(resources={"gate": 1.0})(Holder).remote()
    engine.get(holder.ready.remote())
    task = engine.remote(num_cpus=0, resources={"gate": 1.0})(lambda: None)
    count = trial.effort.pending_tasks
    refs = [task.remote()]
    before = _settled_rss_bytes()
    start = perf_counter()
    refs += [task.remote() for _ in range(count)]
    trial.record("pending_task_submit", count / (perf_counter() - start))
    trial.record("pending_task_memory", (_settled_rss_bytes() - before) / count)


def drain(trial: Trial) -> None:
    """Queues tasks that do nothing, all at once, and waits for the last of them."""
    engine = trial.start()
    noop = engine.remote(lambda: None)
    whole = trial.effort.queued_tasks
    count = whole // RAY_FRACTION if trial.engine_name == "ray" else whole
    start = perf_counter()
    engine.get([noop.remote() for _ in range(count)])
    seconds_for_million = (perf_counter() - start) / count * MILLION
    note = "" if count == MILLION else f"{count:,} tasks, scaled to a million"
    trial.record("million_tasks", seconds_for_million, note=note)


def _settled_rss_bytes() -> int:
    gc.collect()
    process = Process(os.getpid())
    last = process.rss_bytes()
    for _ in range(SETTLE_ROUNDS_MAX):
        threading.Event().wait(SETTLE_S)
        now = process.rss_bytes()
        if abs(now - last) < SETTLED_BYTES:
            return now
        last = now
    return last


ROWS = (
    Row(
        "pending_tasks",
        pending_memory,
        (
            Measure("pending_task_memory", "bytes", "lower", "an id, a function, a ref: 200 bytes"),
            Measure("pending_task_submit", "tasks/s", "higher", "pickling an empty call"),
        ),
        timeout_s=240.0,
    ),
    Row(
        "million_tasks",
        drain,
        (Measure("million_tasks", "s", "lower", "1,000,000 / task_async_deep"),),
        timeout_s=540.0,
        optional=True,
    ),
)
