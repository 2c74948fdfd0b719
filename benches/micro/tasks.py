"""Tasks that do nothing: one at a time, and in batches.

Owns rates of submission and return. Does not own queues deeper than a batch: `scale` does.
"""

from __future__ import annotations

from benches.goals import AtLeast, ShareOf, TimesRay
from benches.trial import Measure, Row, Trial

BATCH_TASKS = 1_000
DEEP_BATCH_TASKS = 10_000


def sync(trial: Trial) -> None:
    """Submits a task and waits for its result, again and again."""
    engine = trial.start()
    noop = engine.remote(lambda: b"ok")
    trial.rate("task_sync", lambda: engine.get(noop.remote()))


def batched(trial: Trial) -> None:
    """Submits batches of tasks from one submitter and waits for each batch."""
    engine = trial.start()
    noop = engine.remote(lambda: b"ok")

    def batch(count: int) -> None:
        engine.get([noop.remote() for _ in range(count)])

    trial.rate("task_async", lambda: batch(BATCH_TASKS), count=BATCH_TASKS)
    trial.rate("task_async_deep", lambda: batch(DEEP_BATCH_TASKS), count=DEEP_BATCH_TASKS)


ROWS = (
    Row(
        "task_sync",
        sync,
        (
            Measure(
                "task_sync",
                "tasks/s",
                "higher",
                "one wake-up each way",
                (AtLeast(5_000.0), ShareOf("socket_ping_pong", 0.5), TimesRay(12.0)),
            ),
        ),
    ),
    Row(
        "task_async",
        batched,
        (
            Measure(
                "task_async",
                "tasks/s",
                "higher",
                "pickling and unpickling a call; wake-ups shared by a batch of 1,000",
                (AtLeast(60_000.0), TimesRay(30.0)),
            ),
            Measure(
                "task_async_deep",
                "tasks/s",
                "higher",
                "the same in batches of 10,000",
                (AtLeast(60_000.0), TimesRay(30.0)),
            ),
        ),
        timeout_s=240.0,
    ),
)
