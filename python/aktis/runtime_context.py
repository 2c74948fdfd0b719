"""Where am I: the job, node, worker, task and actor in which a program runs, and what they hold.

Owns the public form of that. Does not own how it is found (`aktis._kernel.context`).
"""

from __future__ import annotations

import warnings
from typing import Any

from aktis._kernel import context, session
from aktis.actor_handles import ActorHandle
from aktis.ids import ActorID, JobID, NodeID, PlacementGroupID, TaskID, WorkerID
from aktis.inventory import nodes
from aktis.methods import known_class
from aktis.runtime_env import RuntimeEnv

GPU = "GPU"


class RuntimeContext:
    """Answers for the task, the actor or the driver that asks, at the moment it asks."""

    def get_job_id(self) -> str:
        """The job, in hexadecimal."""
        return JobID.from_int(session.require().job_id).hex()

    def get_node_id(self) -> str:
        """The node, in hexadecimal."""
        return NodeID(session.require().node_id).hex()

    def get_worker_id(self) -> str:
        """The process, in hexadecimal."""
        return WorkerID(session.require().worker_id).hex()

    def get_task_id(self) -> str | None:
        """The task, in hexadecimal; None in a driver."""
        task = _current_task()
        return None if task is None else TaskID(task.task_id).hex()

    def get_task_name(self) -> str | None:
        """What people call the task; None in a driver."""
        task = _current_task()
        return None if task is None else task.task_name

    def get_task_function_name(self) -> str | None:
        """The function or method that runs; None in a driver."""
        task = _current_task()
        return None if task is None else task.function_name

    def get_actor_id(self) -> str | None:
        """The actor, in hexadecimal; None outside actors."""
        task = _current_task()
        if task is None or task.actor_id is None:
            return None
        return ActorID(task.actor_id).hex()

    def get_actor_name(self) -> str | None:
        """The name of the actor, "" if it has none; None outside actors."""
        task = _current_task()
        return None if task is None or task.actor_id is None else task.actor_name

    def get_placement_group_id(self) -> str | None:
        """The placement group, in hexadecimal; None outside placement groups."""
        task = context.current()
        group = None if task is None else task.group_id
        return None if group is None else PlacementGroupID(group).hex()

    def get_assigned_resources(self) -> dict[str, float]:
        """What the task, or its actor, holds; nothing in a driver."""
        task = context.current()
        return {} if task is None else task.assigned_resources

    def get_accelerator_ids(self) -> dict[str, list[str]]:
        """The devices that the task, or its actor, holds, by resource."""
        task = context.current()
        return {} if task is None else task.accelerator_ids

    def get_node_labels(self) -> dict[str, str]:
        """The labels of the node."""
        own = session.require().node_id.hex()
        return next((dict(one["Labels"]) for one in nodes() if one["NodeID"] == own), {})

    def get_temp_dir(self) -> str:
        """The directory of the session."""
        return session.require().session_dir

    def get_session_name(self) -> str:
        """The name of the session."""
        return session.require().session_name

    def get_runtime_env_string(self) -> str:
        """The runtime environment as JSON."""
        return self._environment().serialize() or "{}"

    def is_canceled(self) -> bool:
        """Whether somebody cancelled the task.

        Raises:
            RuntimeError: in an async actor, where `asyncio.CancelledError` says it.
        """
        actor = context.hosted()
        if actor is not None and actor.asynchronous:
            message = "calls of an async actor are told by asyncio.CancelledError"
            raise RuntimeError(message)
        task = context.current()
        return task is not None and task.is_canceled()

    @property
    def namespace(self) -> str:
        """The namespace in which the job names its actors."""
        return session.require().namespace

    @property
    def runtime_env(self) -> RuntimeEnv:
        """The runtime environment."""
        return self._environment()

    @property
    def current_actor(self) -> ActorHandle[Any]:
        """A handle of the actor that runs here; it does not keep the actor.

        Raises:
            RuntimeError: no actor runs here.
        """
        actor = context.hosted()
        if actor is None:
            message = "current_actor can only be asked for inside an actor"
            raise RuntimeError(message)
        return ActorHandle(actor.actor_id, known_class(actor.handle), None)

    @property
    def was_current_actor_reconstructed(self) -> bool:
        """Whether the actor was made again after its process ended."""
        task = context.current()
        return task is not None and task.actor_id is not None and task.incarnation > 0

    @property
    def should_capture_child_tasks_in_placement_group(self) -> bool:
        """Whether what the task starts goes to its placement group, too."""
        task = context.current()
        return task is not None and task.capture_child_tasks

    @property
    def address(self) -> str:
        """Where other drivers attach to the cluster."""
        return session.require().session_dir

    def get(self) -> dict[str, Any]:
        """Deprecated: all that the single getters say, in one dict."""
        message = "RuntimeContext.get() is deprecated; use the single getters"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return {
            "job_id": self.get_job_id(),
            "node_id": self.get_node_id(),
            "namespace": self.namespace,
            "task_id": self.get_task_id(),
            "actor_id": self.get_actor_id(),
        }

    @staticmethod
    def _environment() -> RuntimeEnv:
        task = context.current()
        text = session.require().default_environment if task is None else task.environment
        return RuntimeEnv.deserialize(text)


def _current_task() -> context.TaskContext | None:
    """The task that asks; a driver, which has none, is warned."""
    task = context.current()
    if task is None and session.require().is_driver:
        import logging

        message = "tasks and actors can ask for this about themselves; a driver is neither"
        logging.getLogger(__name__).warning(message)
    return task


def get_runtime_context() -> RuntimeContext:
    """Tells where the caller runs; begins a session if there is none."""
    session.require()
    return _CONTEXT


def get_gpu_ids() -> list[int] | list[str]:
    """The GPUs that the task, or its actor, holds: numbers, or names where they have some."""
    session.require()
    ids = _CONTEXT.get_accelerator_ids().get(GPU, [])
    return [int(one) for one in ids] if all(one.isdigit() for one in ids) else ids


_CONTEXT = RuntimeContext()
