"""What all processes of the cluster tell when they are asked, as plain values.

Owns how the accounts of several processes become one description of each attempt and each ref. Does
not own the public form of these (`aktis.observe`), nor who answers (the engine).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis._kernel import forms
from aktis._kernel.session import Session, require

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a task does, by its stage.
STAGES = {
    "Waiting": "PENDING_ARGS_AVAIL",
    "Ready": "PENDING_NODE_ASSIGNMENT",
    "Sent": "SUBMITTED_TO_WORKER",
    "Arrived": "SUBMITTED_TO_WORKER",
    "Running": "RUNNING",
    "Failed": "FAILED",
}
CALLEES = {
    "Function": "NORMAL_TASK",
    "Constructor": "ACTOR_CREATION_TASK",
    "Method": "ACTOR_TASK",
}
# Whether it is a call to an actor, and whether arguments are still to come.
_ARRIVED = {
    (False, False): "SUBMITTED_TO_WORKER",
    (False, True): "PENDING_ARGS_FETCH",
    (True, False): "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY",
    (True, True): "PENDING_ACTOR_TASK_ARGS_FETCH",
}
# How far an attempt is, the furthest last.
_ORDER = ("Waiting", "Ready", "Sent", "Arrived", "Running", "Ended", "Failed")
# A task of no actor has this for the count of its actor.
_NO_ACTOR = b"\xff\xff\xff\xff"


@dataclass
class Process:
    """A process of a node; one that is gone has an `exit`, and a `reason` if aktis ended it."""

    worker_id: bytes
    node_id: bytes
    pid: int
    is_driver: bool = False
    job: int | None = None
    environment: str = ""
    exit: tuple[str, int] | None = None
    reason: str = ""


@dataclass
class Attempt:
    """One attempt at a task."""

    task_id: bytes
    attempt: int
    name: str
    callee: str
    shape: dict[str, Any]
    stage: str
    state: str = ""
    parent_id: bytes | None = None
    process: Process | None = None
    began_s: float | None = None
    ended_s: float | None = None
    failure: str | None = None
    sentence: str | None = None

    @property
    def job(self) -> int:
        """The job it belongs to."""
        return int.from_bytes(self.task_id[-4:], "little")

    @property
    def actor_id(self) -> bytes | None:
        """The actor that runs it, if one does."""
        actor = self.task_id[-16:]
        return None if actor[8:12] == _NO_ACTOR else actor


@dataclass
class Reference:
    """An object as one process that holds a ref to it sees it."""

    object_id: bytes
    process: Process
    size: int
    is_handle: bool
    is_mapped: bool
    is_needed: bool
    state: str

    @property
    def task_id(self) -> bytes:
        """The task that makes it."""
        return self.object_id[:-4]


@dataclass
class Survey:
    """What was heard."""

    processes: list[Process]
    gone: list[Process]
    attempts: list[Attempt] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    left_out: int = 0


def ask(subject: str, timeout_s: float) -> Survey:
    """Asks for "Processes", "Tasks" or "Objects".

    Raises:
        GetTimeoutError: a process has not answered in time.
    """
    here = require()
    answer = forms.content(here.engine.ask({"Survey": subject}, timeout_s))
    processes = [_process(here, found) for found in answer["processes"]]
    gone = [_gone(here, found) for found in answer["gone"]]
    survey = Survey(processes, gone)
    known = {process.worker_id: process for process in processes}
    accounts = [
        (known[here.id_of_worker(**worker)], account) for worker, account in answer["accounts"]
    ]
    attempts = _attempts(here, known, accounts, answer["spans"])
    survey.left_out = sum(account["left_out"] for _, account in accounts)
    survey.attempts = [attempts[key] for key in sorted(attempts)]
    states = {task_id: attempts[task_id, attempt].state for task_id, attempt in sorted(attempts)}
    for process, account in accounts:
        survey.references.extend(_reference(process, states, found) for found in account["objects"])
    return survey


def _process(here: Session, found: dict[str, Any]) -> Process:
    return Process(
        worker_id=here.id_of_worker(**found["worker"]),
        node_id=here.id_of_node(found["worker"]["node"]),
        pid=found["pid"],
        is_driver=found["driver"],
        job=found["job"],
        environment=found["environment"],
    )


def _gone(here: Session, death: dict[str, Any]) -> Process:
    exit_ = death["exit"]
    number = 0 if isinstance(exit_, str) else forms.content(exit_)
    return Process(
        worker_id=here.id_of_worker(**death["worker"]),
        node_id=here.id_of_node(death["worker"]["node"]),
        pid=death["pid"],
        exit=(forms.kind(exit_), number),
        reason=death["reason"],
    )


def _attempts(
    here: Session,
    known: dict[bytes, Process],
    accounts: list[tuple[Process, dict[str, Any]]],
    spans: list[dict[str, Any]],
) -> dict[tuple[bytes, int], Attempt]:
    told = [
        _told(here, process, account, found)
        for process, account in accounts
        for found in account["tasks"]
    ]
    told += [_ended(here, known, span) for span in spans if span["called"] is not None]
    return merged(told)


def merged(told: Iterable[Attempt]) -> dict[tuple[bytes, int], Attempt]:
    """One description of each attempt, of those that its owner and the process it came to gave.

    They are not of one moment: of two that differ, the one that is further holds.
    """
    attempts: dict[tuple[bytes, int], Attempt] = {}
    for attempt in sorted(told, key=lambda attempt: _ORDER.index(attempt.stage)):
        key = (attempt.task_id, attempt.attempt)
        attempts[key] = _joined(attempts[key], attempt) if key in attempts else attempt
    return attempts


def _joined(earlier: Attempt, later: Attempt) -> Attempt:
    """The later one, with what only the other knows."""
    later.parent_id = later.parent_id or earlier.parent_id
    later.process = later.process or earlier.process
    later.began_s = earlier.began_s if later.began_s is None else later.began_s
    later.ended_s = earlier.ended_s if later.ended_s is None else later.ended_s
    return later


def _told(
    here: Session, process: Process, account: dict[str, Any], found: dict[str, Any]
) -> Attempt:
    attempt = _attempt(found["name"], found["called"], forms.kind(found["stage"]))
    match found["stage"]:
        case {"Arrived": missing}:
            attempt.process = process
            attempt.state = _ARRIVED[attempt.callee == "Method", missing > 0]
        case {"Running": {"began": began, "waits": waits}}:
            attempt.process = process
            attempt.began_s = forms.seconds(account["clock_began"]) + forms.seconds(began)
            if waits:
                attempt.state = "RUNNING_IN_RAY_GET"
        case {"Failed": failure}:
            attempt.failure = forms.kind(failure)
            attempt.sentence = _core.sentence(failure)
            if attempt.failure == "WorkerCrashed":
                attempt.process = _gone(here, forms.content(failure)["death"])
        case _:
            pass
    return attempt


def _ended(here: Session, known: dict[bytes, Process], span: dict[str, Any]) -> Attempt:
    attempt = _attempt(span["name"], span["called"], "Ended")
    attempt.state = "FAILED" if span["failed"] else "FINISHED"
    worker_id = here.id_of_worker(**span["worker"])
    node_id = here.id_of_node(span["worker"]["node"])
    attempt.process = known.get(worker_id) or Process(worker_id, node_id, span["pid"])
    attempt.began_s = forms.seconds(span["began"])
    attempt.ended_s = attempt.began_s + forms.seconds(span["ran"])
    return attempt


def _attempt(name: str, called: dict[str, Any], stage: str) -> Attempt:
    parent = called["parent"]
    return Attempt(
        task_id=bytes(called["task"]),
        attempt=called["attempt"],
        name=name,
        callee=forms.kind(called["callee"]),
        shape=called["shape"],
        stage=stage,
        state=STAGES.get(stage, ""),
        parent_id=None if parent is None else bytes(parent),
    )


def _reference(process: Process, states: dict[bytes, str], found: dict[str, Any]) -> Reference:
    task, index = bytes(found["object"]["task"]), found["object"]["index"]
    is_handle = task[:8] == bytes(8) and index == 1
    match found["place"]:
        case {"Here": size} | {"Shared": {"size": size}}:
            state = "FINISHED"
        case "Failed":
            size, state = -1, "FAILED"
        case _:
            # Who borrows an object need not know its value; its owner does.
            size, state = -1, states.get(task, "FINISHED")
    return Reference(
        object_id=task + index.to_bytes(4, "little"),
        process=process,
        size=size,
        is_handle=is_handle,
        is_mapped=found["mapped"],
        is_needed=found["needed"],
        state="NIL" if is_handle else state,
    )
