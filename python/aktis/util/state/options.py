"""What may be said of a question about the state of the cluster.

Owns the options and their checks. Does not own the questions (`aktis.util.state.client`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.observe.rows import StateSchema

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_RPC_TIMEOUT",
    "Filter",
    "GetApiOptions",
    "ListApiOptions",
    "StateResource",
    "SummaryApiOptions",
    "SummaryResource",
]

DEFAULT_LIMIT = 100
# In seconds.
DEFAULT_RPC_TIMEOUT = 30
ROWS_MAX = 10_000
# A column, "=" or "!=", and a value.
Filter: TypeAlias = tuple[str, str, str | bool | int | float]


class StateResource(Enum):
    """What can be listed."""

    ACTORS = "actors"
    JOBS = "jobs"
    PLACEMENT_GROUPS = "placement_groups"
    NODES = "nodes"
    WORKERS = "workers"
    TASKS = "tasks"
    OBJECTS = "objects"
    RUNTIME_ENVS = "runtime_envs"
    CLUSTER_EVENTS = "cluster_events"


class SummaryResource(Enum):
    """What can be counted."""

    ACTORS = "actors"
    TASKS = "tasks"
    OBJECTS = "objects"


@dataclass
class ListApiOptions:
    """Which rows, and how much of them.

    Attributes:
        limit: At most so many rows.
        timeout: How long to wait for the processes of the cluster, in seconds.
        detail: Whether the columns are filled that are told only in detail.
        filters: What all rows satisfy.
    """

    limit: int = DEFAULT_LIMIT
    timeout: float = DEFAULT_RPC_TIMEOUT
    detail: bool = False
    filters: Sequence[Filter] | None = field(default_factory=list)

    def __post_init__(self) -> None:
        """Checks the limit and the filters.

        Raises:
            ValueError: the limit is too large, or a filter compares otherwise than by = and !=.
        """
        if not 0 < self.limit <= ROWS_MAX:
            message = f"limit must be from 1 to {ROWS_MAX}, not {self.limit}; filter the rows"
            raise ValueError(message)
        _check_predicates(self.filters)


@dataclass
class GetApiOptions:
    """How long to wait for the processes of the cluster, in seconds."""

    timeout: float = DEFAULT_RPC_TIMEOUT


@dataclass
class SummaryApiOptions:
    """How long to wait, in seconds, and what all counted rows satisfy."""

    timeout: float = DEFAULT_RPC_TIMEOUT
    filters: Sequence[Filter] | None = field(default_factory=list)

    def __post_init__(self) -> None:
        """Checks the filters.

        Raises:
            ValueError: a filter compares otherwise than by = and !=.
        """
        _check_predicates(self.filters)


def matches(row: StateSchema, filters: Sequence[Filter]) -> bool:
    """Whether a row satisfies all filters; text is compared without regard to case."""
    return all(
        (_comparable(row[column.lower()]) == _comparable(value)) == (predicate == "=")
        for column, predicate, value in filters
    )


def _check_predicates(filters: Sequence[Filter] | None) -> None:
    for one in filters or ():
        if one[1] not in {"=", "!="}:
            message = f'a filter is (column, "=" or "!=", value), not {one!r}'
            raise ValueError(message)


def _comparable(value: object) -> str:
    return str(value).lower()
