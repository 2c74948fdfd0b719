"""Describes what the cluster has and does now, row by row.

Owns what each column is made of. Does not own which rows a program wants (`aktis.util.state`), nor
how the processes of the cluster are asked (`aktis._kernel.surveys`).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from aktis._kernel import forms, queries, session, surveys
from aktis.exceptions import GetTimeoutError
from aktis.ids import JobID
from aktis.observe import breakpoints
from aktis.observe.rows import (
    ActorState,
    JobState,
    NodeState,
    ObjectState,
    PlacementGroupState,
    RuntimeEnvState,
    TaskState,
    WorkerState,
)

MILLISECONDS_PER_SECOND = 1_000
# What became of a task that failed, in Ray's words where it has one.
ERROR_TYPES = {
    "Raised": "TASK_EXECUTION_EXCEPTION",
    "Cancelled": "TASK_CANCELLED",
    "TimedOut": "TASK_TIMED_OUT",
    "WorkerCrashed": "WORKER_DIED",
    "ActorDied": "ACTOR_DIED",
    "ActorUnavailable": "ACTOR_UNAVAILABLE",
    "OwnerDied": "OWNER_DIED",
    "ObjectLost": "OBJECT_LOST",
    "ObjectFreed": "OBJECT_FREED",
    "LocalNodeDied": "NODE_DIED",
    "StoreFull": "OBJECT_STORE_FULL",
    "OutOfDisk": "OUT_OF_DISK_ERROR",
    "Unschedulable": "TASK_UNSCHEDULABLE_ERROR",
    "GroupRemoved": "TASK_PLACEMENT_GROUP_REMOVED",
    "EnvironmentFailed": "RUNTIME_ENV_SETUP_FAILED",
    "StreamChanged": "STREAM_CHANGED",
}


class IncompleteError(Exception):
    """Some process did not tell all, or did not answer at all."""


def actors(timeout_s: float) -> list[ActorState]:
    """All actors."""
    processes = _by_id(_ask("Processes", timeout_s).processes)
    namespaces = {job["job"]: job["namespace"] for job in queries.jobs()}
    return [_actor(found, processes, namespaces) for found in queries.actors()]


def tasks(timeout_s: float) -> tuple[list[TaskState], int]:
    """All attempts that are known, and how many were left out because there are too many."""
    survey = _ask("Tasks", timeout_s)
    paused = {point.task_id for point in breakpoints.waiting_here()}
    return [_task(attempt, paused) for attempt in survey.attempts], survey.left_out


def objects(timeout_s: float) -> tuple[list[ObjectState], int]:
    """All refs that processes hold, and how many were left out because there are too many."""
    survey = _ask("Objects", timeout_s)
    addresses = _addresses()
    attempts = {attempt.task_id: attempt.attempt for attempt in survey.attempts}
    rows = [_object(reference, addresses, attempts) for reference in survey.references]
    return rows, survey.left_out


def nodes() -> list[NodeState]:
    """All nodes."""
    _require_session()
    found = queries.nodes()
    head = session.require().id_of_node(1)
    return [
        NodeState(
            node_id=node["node_id"].hex(),
            node_ip=node["facts"].get("address", ""),
            is_head_node=node["node_id"] == head,
            state="ALIVE" if node["alive"] else "DEAD",
            state_message=node["facts"].get("death"),
            node_name=node["facts"].get("name") or node["facts"].get("address", ""),
            resources_total=dict(node["resources"]),
            labels=dict(node["labels"]),
        )
        for node in found
    ]


def workers(timeout_s: float) -> list[WorkerState]:
    """All workers and drivers, and the latest of those that are gone."""
    survey = _ask("Processes", timeout_s)
    addresses = _addresses()
    drivers = {job["driver"] for job in queries.jobs()}
    return [
        WorkerState(
            worker_id=process.worker_id.hex(),
            is_alive=process.exit is None,
            worker_type="DRIVER" if process.worker_id in drivers else "WORKER",
            exit_type=_exit_type(process),
            node_id=process.node_id.hex(),
            ip=addresses.get(process.node_id, ""),
            pid=process.pid,
            exit_detail=_exit_detail(process),
        )
        for process in (*survey.processes, *survey.gone)
    ]


def jobs() -> list[JobState]:
    """All jobs. Of one that ended is not known how, only that its driver is gone."""
    _require_session()
    here = session.require()
    addresses = _addresses()
    rows = []
    for job in queries.jobs():
        job_id = JobID.from_int(job["job"]).hex()
        node_id = here.id_of_node_of(job["driver"])
        rows.append(
            JobState(
                type="DRIVER",
                job_id=job_id,
                submission_id=None,
                driver_info={
                    "id": job_id,
                    "node_ip_address": addresses.get(node_id, ""),
                    "pid": str(job["pid"]),
                },
                status="RUNNING" if job["running"] else "SUCCEEDED",
                entrypoint=job["entrypoint"],
                driver_node_id=node_id.hex(),
            )
        )
    return rows


def placement_groups() -> list[PlacementGroupState]:
    """All placement groups."""
    _require_session()
    return [
        PlacementGroupState(
            placement_group_id=group["group_id"].hex(),
            name=group["name"],
            creator_job_id=group["group_id"][-JobID.SIZE :].hex(),
            state=group["state"],
            bundles=[
                {
                    "bundle_id": {
                        "placement_group_id": group["group_id"].hex(),
                        "bundle_index": index,
                    },
                    "unit_resources": dict(bundle),
                    "node_id": group["nodes"][index].hex() if group["nodes"] else None,
                }
                for index, bundle in enumerate(group["bundles"])
            ],
            is_detached=group["detached"],
            stats={"scheduling_state": group["why"] or group["state"]},
        )
        for group in queries.groups()
    ]


def runtime_envs(timeout_s: float) -> list[RuntimeEnvState]:
    """The runtime environments that processes have, by node."""
    survey = _ask("Processes", timeout_s)
    held = Counter(
        (process.node_id, process.environment)
        for process in survey.processes
        if process.environment
    )
    return [
        RuntimeEnvState(
            runtime_env=json.loads(environment),
            success=True,
            creation_time_ms=None,
            node_id=node_id.hex(),
            ref_cnt=count,
        )
        for (node_id, environment), count in held.items()
    ]


def _ask(subject: str, timeout_s: float) -> surveys.Survey:
    _require_session()
    try:
        return surveys.ask(subject, timeout_s)
    except GetTimeoutError:
        message = (
            f"some process of the cluster did not answer within {timeout_s} s; it may be stopped, "
            "or overloaded; try again with a longer timeout"
        )
        raise IncompleteError(message) from None


def _require_session() -> None:
    if session.current() is None:
        message = "the state of a cluster can be asked in a session; call aktis.init() first"
        raise RuntimeError(message)


def _by_id(processes: list[surveys.Process]) -> dict[bytes, surveys.Process]:
    return {process.worker_id: process for process in processes}


def _addresses() -> dict[bytes, str]:
    return {node["node_id"]: str(node["facts"].get("address", "")) for node in queries.nodes()}


def _actor(
    found: dict[str, Any], processes: dict[bytes, surveys.Process], namespaces: dict[int, str]
) -> ActorState:
    actor_id: bytes = found["actor_id"]
    job = actor_id[-JobID.SIZE :]
    name, namespace = found["name"] or ("", namespaces.get(int.from_bytes(job, "little"), ""))
    process = processes.get(found["worker_id"])
    shape = found["shape"]
    error = {"actor_id": actor_id.hex(), "error_message": found["why"]}
    return ActorState(
        actor_id=actor_id.hex(),
        class_name=found["class_name"],
        state=found["state"],
        job_id=job.hex(),
        name=name,
        node_id=None if process is None else process.node_id.hex(),
        pid=None if process is None else process.pid,
        ray_namespace=namespace,
        serialized_runtime_env=shape["environment"] or "{}",
        required_resources=forms.amounts(shape["resources"]),
        death_cause={"actor_died_error_context": error} if found["state"] == "DEAD" else None,
        is_detached=found["detached"],
        placement_group_id=_group_of(shape),
        repr_name="",
        num_restarts=found["restarts"],
        num_restarts_due_to_lineage_reconstruction=0,
        num_restarts_due_to_node_preemption=0,
    )


def _task(attempt: surveys.Attempt, paused: set[str]) -> TaskState:
    process, shape = attempt.process, attempt.shape
    began, ended = _milliseconds(attempt.began_s), _milliseconds(attempt.ended_s)
    happened = (("RUNNING", began), (attempt.state, ended))
    return TaskState(
        task_id=attempt.task_id.hex(),
        attempt_number=attempt.attempt,
        name=attempt.name,
        state=attempt.state,
        job_id=JobID.from_int(attempt.job).hex(),
        actor_id=None if attempt.actor_id is None else attempt.actor_id.hex(),
        type=surveys.CALLEES[attempt.callee],
        func_or_class_name=attempt.name,
        parent_task_id=None if attempt.parent_id is None else attempt.parent_id.hex(),
        node_id=None if process is None else process.node_id.hex(),
        worker_id=None if process is None else process.worker_id.hex(),
        worker_pid=None if process is None else process.pid,
        error_type=None if attempt.failure is None else ERROR_TYPES[attempt.failure],
        language="PYTHON",
        required_resources=forms.amounts(shape["resources"]),
        runtime_env_info={"serialized_runtime_env": shape["environment"] or "{}"},
        placement_group_id=_group_of(shape),
        events=[{"state": state, "created_ms": at} for state, at in happened if at is not None],
        start_time_ms=began,
        end_time_ms=ended,
        error_message=attempt.sentence,
        is_debugger_paused=attempt.task_id.hex() in paused,
    )


def _object(
    reference: surveys.Reference, addresses: dict[bytes, str], attempts: dict[bytes, int]
) -> ObjectState:
    process = reference.process
    if reference.is_handle:
        kind = "ACTOR_HANDLE"
    elif reference.is_mapped:
        kind = "PINNED_IN_MEMORY"
    elif reference.is_needed:
        kind = "USED_BY_PENDING_TASK"
    else:
        kind = "LOCAL_REFERENCE"
    return ObjectState(
        object_id=reference.object_id.hex(),
        object_size=reference.size,
        task_status=reference.state,
        # Ray counts from 1 here.
        attempt_number=attempts.get(reference.task_id, 0) + 1,
        reference_type=kind,
        call_site="disabled",
        type="DRIVER" if process.is_driver else "WORKER",
        pid=process.pid,
        ip=addresses.get(process.node_id, ""),
    )


def _group_of(shape: dict[str, Any]) -> str | None:
    match shape["strategy"]:
        case {"Group": {"group": group}}:
            return bytes(group).hex()
        case _:
            return None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * MILLISECONDS_PER_SECOND)


def _exit_type(process: surveys.Process) -> str | None:
    match process.exit:
        case None:
            return None
        case ("Unknown", _):
            # A driver, as only its own parent is told how it ended.
            return "INTENDED_USER_EXIT"
        case ("Code", 0):
            return "INTENDED_SYSTEM_EXIT"
        case _ if process.reason:
            return "INTENDED_SYSTEM_EXIT"
        case _:
            return "SYSTEM_ERROR"


def _exit_detail(process: surveys.Process) -> str | None:
    match process.exit:
        case None:
            return None
        case ("Code", code):
            how = f"it exited with code {code}"
        case ("Signal", number):
            how = f"signal {number} ended it"
        case _:
            how = "it ended; its exit status is not known"
    return f"{how}: {process.reason}" if process.reason else how
