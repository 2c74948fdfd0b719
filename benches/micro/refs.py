"""Many refs at once: inside one object, and waited for one by one.

Owns what a ref costs. Does not own the values behind them: `objects` does.
"""

from __future__ import annotations

from typing import Any

from benches.goals import AtLeast, TimesRay
from benches.trial import Measure, Row, Trial

REFS_IN_OBJECT = 10_000
REFS_WAITED = 1_000


def get_holder(trial: Trial) -> None:
    """Gets an object, made by a task, that holds many refs; they are dropped each time."""
    engine = trial.start()

    def hold(count: int) -> list[Any]:
        return [engine.put(1) for _ in range(count)]

    ref = engine.remote(hold).remote(REFS_IN_OBJECT)
    engine.wait([ref], num_returns=1)
    trial.rate("get_10k_refs", lambda: engine.get(ref))


def wait_one_by_one(trial: Trial) -> None:
    """Submits tasks and waits until each has ended, one call of `wait` for each."""
    engine = trial.start()
    noop = engine.remote(lambda: b"ok")

    def wait_for_all() -> None:
        unready = [noop.remote() for _ in range(REFS_WAITED)]
        while unready:
            _, unready = engine.wait(unready)

    trial.rate("wait_1k_refs", wait_for_all)


ROWS = (
    Row(
        "get_10k_refs",
        get_holder,
        (
            Measure(
                "get_10k_refs",
                "gets/s",
                "higher",
                "making 10,000 Python objects, one message to the owner",
                (AtLeast(100.0), TimesRay(10.0)),
            ),
        ),
    ),
    Row(
        "wait_1k_refs",
        wait_one_by_one,
        (
            Measure(
                "wait_1k_refs",
                "rounds/s",
                "higher",
                "1,000 tasks in a batch, and 500,000 list entries moved",
                (AtLeast(60.0), TimesRay(30.0)),
            ),
        ),
    ),
)
