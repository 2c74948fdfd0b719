"""What runs in this thread or coroutine, and the actor that lives in this process.

Owns how that is found and described. Does not own its public form (`aktis.context`).
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any, NamedTuple

from aktis import _core
from aktis._kernel import forms

# Which execution a coroutine of an async actor belongs to; the engine reads it on event loops.
execution_of_coroutine: ContextVar[_core.Execution | None] = ContextVar(
    "aktis_execution", default=None
)


class HostedActor(NamedTuple):
    """The actor that lives in this process.

    Attributes:
        name: Its name for people; "" is none.
        handle: What a handle of it needs to know, pickled.
    """

    actor_id: bytes
    instance: object
    class_name: str
    name: str
    namespace: str
    handle: bytes
    asynchronous: bool


class TaskContext:
    """One execution, as the user's code may ask about it."""

    __slots__ = ("_execution",)

    def __init__(self, execution: _core.Execution) -> None:
        self._execution = execution

    @property
    def task_id(self) -> bytes:
        """The task."""
        return self._execution.task_id

    @property
    def task_name(self) -> str:
        """What people call the task."""
        return self._execution.name

    @property
    def function_name(self) -> str:
        """The function or method that runs."""
        return self._execution.method or str(
            getattr(self._execution.callee(), "__qualname__", self._execution.name)
        )

    @property
    def actor_id(self) -> bytes | None:
        """The actor that runs it, if one does."""
        return self._execution.actor_id

    @property
    def actor_name(self) -> str:
        """The name of that actor; "" if it has none."""
        actor = hosted()
        return actor.name if actor is not None else ""

    @property
    def group_id(self) -> bytes | None:
        """The placement group that holds what it uses."""
        match self._holder().template()["shape"]["strategy"]:
            case {"Group": {"group": group}}:
                return bytes(group)
            case _:
                return None

    @property
    def capture_child_tasks(self) -> bool:
        """Whether what it submits goes to its placement group as well."""
        environment = self._holder().environment
        return bool(environment) and bool(json.loads(environment).get("capture_child_tasks"))

    @property
    def assigned_resources(self) -> dict[str, float]:
        """What is held for it, or for its actor."""
        return held(self._execution)[0]

    @property
    def accelerator_ids(self) -> dict[str, list[str]]:
        """Which devices those are, by resource."""
        _, devices = held(self._execution)
        return {name: [str(index) for index in indexes] for name, indexes in devices.items()}

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 0."""
        return self._execution.attempt

    @property
    def incarnation(self) -> int:
        """How often its actor was made before."""
        return _made.incarnation if _made.actors else 0

    @property
    def environment(self) -> str:
        """The runtime environment as JSON; "" is none."""
        return self._holder().environment

    def is_canceled(self) -> bool:
        """Whether somebody cancelled it."""
        return self._execution.interruption == "cancelled"

    def _holder(self) -> _core.Execution:
        """What was placed: the actor's constructor rather than its method."""
        return _made.constructors[-1] if _made.constructors else self._execution


class _Made:
    """The actor that was made here, if one was; at most one of each."""

    def __init__(self) -> None:
        self.actors: list[HostedActor] = []
        self.constructors: list[_core.Execution] = []
        self.incarnation = 0


_made = _Made()


def current() -> TaskContext | None:
    """What runs in this thread or coroutine; None in a driver."""
    execution = _core.execution_here()
    return None if execution is None else TaskContext(execution)


def held(execution: _core.Execution) -> tuple[dict[str, float], dict[str, list[int]]]:
    """The amounts that are held for it, and which devices those are, by resource."""
    assignment = execution.assignment()
    shares = assignment["devices"].items()
    devices = {name: [share["index"] for share in some] for name, some in shares}
    return forms.amounts(assignment["resources"]), devices


def hosted() -> HostedActor | None:
    """The actor that lives in this process, from its constructor on."""
    return _made.actors[-1] if _made.actors else None


def host(actor: HostedActor, constructor: _core.Execution) -> None:
    """Notes the actor that lives in this process from now on."""
    _made.actors[:] = [actor]
    _made.constructors[:] = [constructor]
    _made.incarnation = constructor.attempt


def in_constructor() -> bool:
    """Whether it is the constructor of the actor in this process that runs here."""
    return _core.execution_here() in _made.constructors


def actor_instance() -> Any:
    """The instance of the actor in this process.

    Raises:
        RuntimeError: there is none.
    """
    actor = hosted()
    if actor is None:
        message = "no actor lives in this process"
        raise RuntimeError(message)
    return actor.instance
