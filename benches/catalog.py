"""Every row there is, in the order in which a run tries and shows them.

Owns the order only; a row is declared beside its workload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches import ceilings
from benches.micro import actors, groups, idle, objects, refs, startup, tasks
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
        idle,
    )
    for row in module.ROWS
}
MEASURES: dict[str, Measure] = {
    measure.name: measure for row in ROWS.values() for measure in row.measures
}


def chosen(names: str) -> list[Row]:
    """Returns the rows named in a comma-separated list, or all but the optional ones for "".

    Raises:
        ValueError: a name is not that of a row; the text lists those there are.
    """
    if not names:
        return [row for row in ROWS.values() if not row.optional]
    wanted = names.split(",")
    if unknown := [name for name in wanted if name not in ROWS]:
        message = f"no row is named {', '.join(unknown)}; the rows are {', '.join(ROWS)}"
        raise ValueError(message)
    return [row for row in ROWS.values() if row.name in wanted]
