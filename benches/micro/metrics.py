"""Counting something that somebody may watch.

Owns what a change of a metric costs the code that makes it. Does not own how it is shown.
"""

from __future__ import annotations

import importlib

from benches.goals import AtLeast, TimesRay
from benches.trial import Measure, Row, Trial

BATCH = 1_000


def count(trial: Trial) -> None:
    """Adds one to a counter, with a tag."""
    engine = trial.start()
    metrics = importlib.import_module(f"{engine.__name__}.util.metrics")
    counter = metrics.Counter("counted", "Counted by a bench.", tag_keys=("kind",))

    def batch() -> None:
        for _ in range(BATCH):
            counter.inc(1, {"kind": "bench"})

    trial.rate("count", batch, count=BATCH)


ROWS = (
    Row(
        "count",
        count,
        (
            Measure(
                "count",
                "changes/s",
                "higher",
                "no other process and no system call: two lookups and a store to memory",
                (AtLeast(1_000_000.0), TimesRay(2.0)),
            ),
        ),
    ),
)
