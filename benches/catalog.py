"""Every row there is, in the order in which a run tries and shows them.

Owns the order only; a row is declared beside its workload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches import ceilings, third_party
from benches.micro import actors, groups, idle, metrics, objects, refs, startup, tasks
from benches.scale import big_objects, many_actors, many_tasks

if TYPE_CHECKING:
    from benches.trial import Measure, Row

ROWS: dict[str, Row] = {
    row.name: row
    for module in (
        ceilings,
        startup,
        tasks,
        actors,
        objects,
        big_objects,
        refs,
        many_actors,
        groups,
        many_tasks,
        metrics,
        idle,
        third_party,
    )
    for row in module.ROWS
}
MEASURES: dict[str, Measure] = {
    measure.name: measure for row in ROWS.values() for measure in row.measures
}


# One name for all rows of third-party libraries.
LIBRARIES = "libraries"


def chosen(names: str) -> list[Row]:
    """Returns the rows named in a comma-separated list, or all but the optional ones for "".

    "libraries" in the list stands for all rows of third-party libraries.

    Raises:
        ValueError: a name is not that of a row; the text lists those there are.
    """
    if not names:
        return [row for row in ROWS.values() if not row.optional]
    wanted = [name for given in names.split(",") for name in _spelled_out(given)]
    if unknown := [name for name in wanted if name not in ROWS]:
        message = f"no row is named {', '.join(unknown)}; the rows are {', '.join(ROWS)}"
        raise ValueError(message)
    return [row for row in ROWS.values() if row.name in wanted]


def _spelled_out(name: str) -> list[str]:
    return [row.name for row in third_party.ROWS] if name == LIBRARIES else [name]
