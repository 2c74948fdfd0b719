"""Placement groups: reserved and given back.

Owns groups of one small bundle. Does not own what runs in them.
"""

from __future__ import annotations

import importlib

from benches.goals import AtLeast, TimesRay
from benches.trial import Measure, Row, Trial

BATCH_GROUPS = 100
READY_S_MAX = 30


def create_and_remove(trial: Trial) -> None:
    """Creates a batch of groups, waits until each is ready, and removes them all."""
    engine = trial.start(resources={"share": 1.0})
    util = importlib.import_module(f"{engine.__name__}.util")

    def batch() -> None:
        groups = [util.placement_group([{"share": 0.001}]) for _ in range(BATCH_GROUPS)]
        for group in groups:
            if not group.wait(READY_S_MAX):
                message = f"a placement group was not ready after {READY_S_MAX} s"
                raise TimeoutError(message)
        for group in groups:
            util.remove_placement_group(group)

    trial.rate("placement_group", batch, count=BATCH_GROUPS)


ROWS = (
    Row(
        "placement_group",
        create_and_remove,
        (
            Measure(
                "placement_group",
                "groups/s",
                "higher",
                "two round trips for a group, shared by a batch",
                (AtLeast(3_000.0), TimesRay(10.0)),
            ),
        ),
    ),
)
