"""Small values into the object store and out of it.

Owns values that fit into a message. Does not own large ones: `scale.big_objects` does.
"""

from __future__ import annotations

from benches.goals import AtLeast, TimesRay
from benches.trial import Measure, Row, Trial

BATCH = 100


def put_small(trial: Trial) -> None:
    """Puts a small value and drops its ref at once."""
    engine = trial.start()

    def batch() -> None:
        for _ in range(BATCH):
            engine.put(0)

    trial.rate("put_small", batch, count=BATCH)


def get_small(trial: Trial) -> None:
    """Gets a value that is already there."""
    engine = trial.start()
    ref = engine.put(0)

    def batch() -> None:
        for _ in range(BATCH):
            engine.get(ref)

    trial.rate("get_small", batch, count=BATCH)


ROWS = (
    Row(
        "put_small",
        put_small,
        (
            Measure(
                "put_small",
                "values/s",
                "higher",
                "no other process: encoding the value and a table entry",
                (AtLeast(200_000.0), TimesRay(80.0)),
            ),
        ),
    ),
    Row(
        "get_small",
        get_small,
        (
            Measure(
                "get_small",
                "values/s",
                "higher",
                "no other process: a lookup and decoding the value",
                (AtLeast(200_000.0), TimesRay(15.0)),
            ),
        ),
    ),
)
