"""Many new actors, each called once.

Owns creation up to the first answer. Does not own the rate of calls: `micro.actors` does.
"""

from __future__ import annotations

from time import perf_counter

from benches.goals import AtMost, TimesRay
from benches.trial import Measure, Row, Trial


def twenty(trial: Trial) -> None:
    """Creates 20 actors and calls each once."""
    _create(trial, 20)


def fifty(trial: Trial) -> None:
    """Creates 50 actors and calls each once."""
    _create(trial, 50)


def _create(trial: Trial, count: int) -> None:
    engine = trial.start()

    class Echo:
        def call(self) -> bytes:
            return b"ok"

    factory = engine.remote(Echo)
    start = perf_counter()
    actors = [factory.remote() for _ in range(count)]
    engine.get([actor.call.remote() for actor in actors])
    trial.record(f"actors_{count}", perf_counter() - start)


ROWS = (
    Row(
        "actors_20",
        twenty,
        (Measure("actors_20", "s", "lower", "20 forks on the cores there are", (TimesRay(10.0),)),),
    ),
    Row(
        "actors_50",
        fifty,
        (Measure("actors_50", "s", "lower", "50 forks on the cores there are", (AtMost(1.5),)),),
        timeout_s=240.0,
    ),
)
