"""Asks a cluster for its state: which rows there are, one row, or counts.

Owns filters, limits and counts. Does not own the rows (`aktis.observe`).
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from aktis.observe import state
from aktis.observe.rows import (
    ActorState,
    JobState,
    NodeState,
    ObjectState,
    PlacementGroupState,
    RuntimeEnvState,
    StateSchema,
    TaskState,
    WorkerState,
)
from aktis.util.state.exception import StateApiException
from aktis.util.state.options import (
    GetApiOptions,
    ListApiOptions,
    StateResource,
    SummaryApiOptions,
    SummaryResource,
    matches,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aktis.util.state.options import Filter

__all__ = ["StateApiClient"]

BYTES_PER_MB = 1 << 20


class _Kind(NamedTuple):
    """How the rows of a resource are had.

    Attributes:
        row: What they are.
        id_column: Where the id of each stands; "" if they have none.
        ask: Gives them, and how many were left out.
    """

    row: type[StateSchema]
    id_column: str
    ask: Callable[[float], tuple[Sequence[StateSchema], int]]


_KINDS = {
    StateResource.ACTORS: _Kind(ActorState, "actor_id", lambda s: (state.actors(s), 0)),
    StateResource.JOBS: _Kind(JobState, "job_id", lambda _: (state.jobs(), 0)),
    StateResource.NODES: _Kind(NodeState, "node_id", lambda _: (state.nodes(), 0)),
    StateResource.OBJECTS: _Kind(ObjectState, "object_id", state.objects),
    StateResource.PLACEMENT_GROUPS: _Kind(
        PlacementGroupState, "placement_group_id", lambda _: (state.placement_groups(), 0)
    ),
    StateResource.RUNTIME_ENVS: _Kind(RuntimeEnvState, "", lambda s: (state.runtime_envs(s), 0)),
    StateResource.TASKS: _Kind(TaskState, "task_id", state.tasks),
    StateResource.WORKERS: _Kind(WorkerState, "worker_id", lambda s: (state.workers(s), 0)),
}


class StateApiClient:
    """Asks the cluster of this process's session, by way of its head and nodes.

    Args:
        address: None or "auto". Another cluster is asked by a process that is attached to it.
    """

    def __init__(
        self,
        address: str | None = None,
        cookies: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
    ) -> None:
        if address not in {None, "auto"}:
            message = (
                f"the state of the cluster at {address!r} cannot be asked from here, since only a "
                "process of a cluster may ask; attach to it with aktis.init(address=...)"
            )
            raise NotImplementedError(message)
        if cookies or headers:
            message = "cookies and headers are for a dashboard, and none is asked; leave them out"
            raise NotImplementedError(message)

    def list(
        self,
        resource: StateResource,
        options: ListApiOptions,
        raise_on_missing_output: bool = True,  # noqa: FBT001, FBT002 - as in Ray
    ) -> list[Any]:
        """Lists rows that satisfy the filters.

        Raises:
            StateApiException: a filter names no column that can be filtered by; or, if
                `raise_on_missing_output`, a process told only a part because it knows too much,
                which is a warning otherwise; or a process did not answer in time.
            NotImplementedError: aktis keeps no list of such things.
        """
        filters = options.filters or ()
        _check_filters(resource, filters)
        rows = _rows(resource, options.timeout, strict=raise_on_missing_output)
        found = [row for row in rows if matches(row, filters)][: options.limit]
        if not options.detail:
            for row in found:
                row.without_detail()
        return found

    def get(self, resource: StateResource, id: str, options: GetApiOptions | None = None) -> Any:  # noqa: A002 - as in Ray
        """Finds the row of an id, in detail; None if there is none.

        Objects have a list of rows, one for each process that holds a ref; so have tasks that were
        tried more than once, one for each attempt.

        Raises:
            StateApiException: the id is not in hexadecimal, or a process did not answer in time.
            NotImplementedError: aktis keeps no such things.
        """
        _check_id(resource, id)
        options = options or GetApiOptions()
        column = _kind(resource).id_column
        rows = _rows(resource, options.timeout, strict=False)
        found = [row for row in rows if row[column] == id.lower()]
        if resource == StateResource.OBJECTS or len(found) > 1:
            return found
        return found[0] if found else None

    def summary(
        self,
        resource: SummaryResource,
        *,
        options: SummaryApiOptions | None = None,
        raise_on_missing_output: bool = True,
    ) -> dict[str, Any]:
        """Counts rows, by state and what they have in common: name, class or call site.

        Raises:
            StateApiException: as `list` does.
        """
        options = options or SummaryApiOptions()
        listed = StateResource(resource.value)
        filters = options.filters or ()
        _check_filters(listed, filters)
        rows = _rows(listed, options.timeout, strict=raise_on_missing_output)
        kept: list[Any] = [row for row in rows if matches(row, filters)]
        match resource:
            case SummaryResource.TASKS:
                return {"cluster": _task_summary(kept)}
            case SummaryResource.ACTORS:
                return {"cluster": _actor_summary(kept)}
            case SummaryResource.OBJECTS:
                return {"cluster": _object_summary(kept)}


def _kind(resource: StateResource) -> _Kind:
    if resource not in _KINDS:
        message = (
            "there are no cluster events: aktis keeps no log of what happened to the cluster; "
            "list_workers and list_actors tell what ended and why"
        )
        raise NotImplementedError(message)
    return _KINDS[resource]


def _rows(resource: StateResource, timeout_s: float, *, strict: bool) -> Sequence[StateSchema]:
    try:
        rows, left_out = _kind(resource).ask(timeout_s)
    except state.IncompleteError as error:
        raise StateApiException(str(error)) from None
    if left_out:
        _tell_incomplete(resource, left_out, strict=strict)
    return rows


def _tell_incomplete(resource: StateResource, left_out: int, *, strict: bool) -> None:
    message = f"{left_out} {resource.value} are not told: there are more than fit into an answer"
    if strict:
        message = f"{message}; pass raise_on_missing_output=False to see the others"
        raise StateApiException(message)
    # Of who called the function that called the client.
    warnings.warn(message, stacklevel=5)


def _check_filters(resource: StateResource, filters: Sequence[Filter]) -> None:
    known = _kind(resource).row.filterable_columns()
    for column, _, _ in filters:
        if column.lower() not in known:
            message = (
                f"{resource.value} cannot be filtered by {column!r}; they can be by "
                f"{', '.join(sorted(known))}"
            )
            raise StateApiException(message)


def _check_id(resource: StateResource, identifier: str) -> None:
    if not _kind(resource).id_column:
        message = f"{resource.value} have no ids by which one could be found; list them"
        raise StateApiException(message)
    try:
        bytes.fromhex(identifier)
    except ValueError:
        message = f"{identifier!r} is no id of {resource.value}: ids are told in hexadecimal"
        raise StateApiException(message) from None


def _task_summary(rows: Sequence[TaskState]) -> dict[str, Any]:
    summary: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row.func_or_class_name
        empty = {"func_or_class_name": name, "type": row.type, "state_counts": Counter()}
        summary.setdefault(name, empty)["state_counts"][row.state] += 1
    for counted in summary.values():
        counted["state_counts"] = dict(counted["state_counts"])
    types = Counter(row.type for row in rows)
    return {
        "summary": summary,
        "total_tasks": types["NORMAL_TASK"],
        "total_actor_tasks": types["ACTOR_TASK"],
        "total_actor_scheduled": types["ACTOR_CREATION_TASK"],
        "summary_by": "func_name",
    }


def _actor_summary(rows: Sequence[ActorState]) -> dict[str, Any]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        states[row.class_name][row.state] += 1
    summary = {
        name: {"class_name": name, "state_counts": dict(counts)} for name, counts in states.items()
    }
    return {"summary": summary, "total_actors": len(rows), "summary_by": "class"}


def _object_summary(rows: Sequence[ObjectState]) -> dict[str, Any]:
    by_call_site: dict[str, list[ObjectState]] = defaultdict(list)
    for row in rows:
        by_call_site[row.call_site].append(row)
    summary = {
        call_site: {
            "total_objects": len(found),
            "total_size_mb": _megabytes(found),
            "total_num_workers": len({row.pid for row in found}),
            "total_num_nodes": len({row.ip for row in found}),
            "task_state_counts": dict(Counter(row.task_status for row in found)),
            "task_attempt_number_counts": dict(Counter(str(row.attempt_number) for row in found)),
            "ref_type_counts": dict(Counter(row.reference_type for row in found)),
        }
        for call_site, found in by_call_site.items()
    }
    return {
        "summary": summary,
        "total_objects": len(rows),
        "total_size_mb": _megabytes(rows),
        "callsite_enabled": False,
        "summary_by": "callsite",
    }


def _megabytes(rows: Sequence[ObjectState]) -> float:
    return sum(max(row.object_size, 0) for row in rows) / BYTES_PER_MB
