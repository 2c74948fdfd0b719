"""The rows in which the state of the cluster is told; their columns have Ray's names.

Owns which columns there are, which of them may be filtered by, and which are told only in detail.
Does not own where the values come from (`aktis.observe.state`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass(kw_only=True)
class StateSchema:
    """One row: its columns are attributes, and may be read like items too."""

    FILTERABLE: ClassVar[frozenset[str]] = frozenset()

    def __getitem__(self, column: str) -> Any:
        """The value of a column; KeyError if there is no such column."""
        columns = vars(self)
        if column not in columns:
            listed = ", ".join(sorted(columns))
            message = f"{type(self).__name__} has no column {column!r}; it has {listed}"
            raise KeyError(message)
        return columns[column]

    def get(self, column: str, default: Any = None) -> Any:
        """The value of a column, or `default` if there is no such column."""
        return vars(self).get(column, default)

    def asdict(self) -> dict[str, Any]:
        """The row as a dict."""
        return asdict(self)

    def without_detail(self) -> None:
        """Forgets what is told only in detail."""
        for column in self.detail_columns():
            setattr(self, column, None)

    @classmethod
    def columns(cls) -> set[str]:
        """All columns."""
        return {column.name for column in fields(cls)}

    @classmethod
    def detail_columns(cls) -> set[str]:
        """The columns that are told only in detail: those that a row need not have."""
        return {column.name for column in fields(cls) if column.default is None}

    @classmethod
    def filterable_columns(cls) -> set[str]:
        """The columns that filters may name."""
        return set(cls.FILTERABLE)


@dataclass(kw_only=True)
class ActorState(StateSchema):
    """An actor that lives, or one of the latest that are dead."""

    FILTERABLE: ClassVar = frozenset(
        (
            "actor_id",
            "class_name",
            "state",
            "job_id",
            "name",
            "node_id",
            "pid",
            "ray_namespace",
            "placement_group_id",
            "repr_name",
        )
    )

    actor_id: str
    class_name: str
    state: str
    job_id: str
    name: str | None
    node_id: str | None
    pid: int | None
    ray_namespace: str | None
    serialized_runtime_env: str | None = None
    required_resources: dict[str, float] | None = None
    death_cause: dict[str, Any] | None = None
    is_detached: bool | None = None
    placement_group_id: str | None = None
    repr_name: str | None = None
    num_restarts: int | None = None
    num_restarts_due_to_lineage_reconstruction: int | None = None
    num_restarts_due_to_node_preemption: int | None = None
    call_site: str | None = None
    label_selector: dict[str, str] | None = None
    fallback_strategy: dict[str, Any] | None = None


@dataclass(kw_only=True)
class TaskState(StateSchema):
    """An attempt at a task, or at a call to an actor."""

    FILTERABLE: ClassVar = frozenset(
        (
            "task_id",
            "attempt_number",
            "name",
            "state",
            "job_id",
            "actor_id",
            "type",
            "func_or_class_name",
            "parent_task_id",
            "node_id",
            "worker_id",
            "worker_pid",
            "error_type",
            "language",
            "placement_group_id",
            "is_debugger_paused",
        )
    )

    task_id: str
    attempt_number: int
    name: str
    state: str
    job_id: str
    actor_id: str | None
    type: str
    func_or_class_name: str
    parent_task_id: str | None
    node_id: str | None
    worker_id: str | None
    worker_pid: int | None
    error_type: str | None
    language: str | None = None
    required_resources: dict[str, float] | None = None
    runtime_env_info: dict[str, Any] | None = None
    placement_group_id: str | None = None
    events: list[dict[str, Any]] | None = None
    profiling_data: dict[str, Any] | None = None
    creation_time_ms: int | None = None
    start_time_ms: int | None = None
    end_time_ms: int | None = None
    task_log_info: dict[str, Any] | None = None
    error_message: str | None = None
    is_debugger_paused: bool | None = None
    call_site: str | None = None
    label_selector: dict[str, str] | None = None
    fallback_strategy: dict[str, Any] | None = None


@dataclass(kw_only=True)
class ObjectState(StateSchema):
    """A ref that a process holds: an object has as many rows as processes hold refs to it."""

    FILTERABLE: ClassVar = frozenset(
        (
            "object_id",
            "object_size",
            "task_status",
            "attempt_number",
            "reference_type",
            "call_site",
            "type",
            "pid",
            "ip",
        )
    )

    object_id: str
    object_size: int
    task_status: str
    attempt_number: int
    reference_type: str
    call_site: str
    type: str
    pid: int
    ip: str


@dataclass(kw_only=True)
class NodeState(StateSchema):
    """A node that is there, or one of the latest that are gone."""

    FILTERABLE: ClassVar = frozenset(
        (
            "node_id",
            "node_ip",
            "is_head_node",
            "state",
            "node_name",
        )
    )

    node_id: str
    node_ip: str
    is_head_node: bool
    state: str
    state_message: str | None
    node_name: str
    resources_total: dict[str, float]
    labels: dict[str, str]
    start_time_ms: int | None = None
    end_time_ms: int | None = None


@dataclass(kw_only=True)
class WorkerState(StateSchema):
    """A worker or driver that is there, or one of the latest that are gone."""

    FILTERABLE: ClassVar = frozenset(
        (
            "worker_id",
            "is_alive",
            "worker_type",
            "exit_type",
            "node_id",
            "ip",
            "pid",
            "debugger_port",
            "num_paused_threads",
        )
    )

    worker_id: str
    is_alive: bool
    worker_type: str
    exit_type: str | None
    node_id: str
    ip: str
    pid: int
    exit_detail: str | None = None
    worker_launch_time_ms: int | None = None
    worker_launched_time_ms: int | None = None
    start_time_ms: int | None = None
    end_time_ms: int | None = None
    debugger_port: int | None = None
    num_paused_threads: int | None = None


@dataclass(kw_only=True)
class JobState(StateSchema):
    """A job that runs, or one of the latest that ended."""

    FILTERABLE: ClassVar = frozenset(
        (
            "type",
            "job_id",
            "submission_id",
            "status",
        )
    )

    type: str
    job_id: str
    submission_id: str | None
    driver_info: dict[str, Any]
    status: str
    entrypoint: str
    message: str | None = None
    error_type: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    metadata: dict[str, str] | None = None
    runtime_env: dict[str, Any] | None = None
    driver_agent_http_address: str | None = None
    driver_node_id: str | None = None
    driver_exit_code: int | None = None


@dataclass(kw_only=True)
class PlacementGroupState(StateSchema):
    """A placement group that is there, or one of the latest that were removed."""

    FILTERABLE: ClassVar = frozenset(
        (
            "placement_group_id",
            "name",
            "creator_job_id",
            "state",
            "is_detached",
        )
    )

    placement_group_id: str
    name: str
    creator_job_id: str
    state: str
    bundles: list[dict[str, Any]] | None = None
    is_detached: bool | None = None
    stats: dict[str, Any] | None = None
    topology_strategy: dict[str, Any] | None = None
    topology_assignments: dict[str, Any] | None = None


@dataclass(kw_only=True)
class RuntimeEnvState(StateSchema):
    """A runtime environment that processes of a node have."""

    FILTERABLE: ClassVar = frozenset(
        (
            "runtime_env",
            "success",
            "node_id",
        )
    )

    runtime_env: dict[str, Any]
    success: bool
    creation_time_ms: float | None
    node_id: str
    ref_cnt: int | None = None
    error: str | None = None
