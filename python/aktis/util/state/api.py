"""Functions that tell what the cluster has and does, each a question to a `StateApiClient`.

Owns their signatures, which are Ray's. Does not own the answers.
"""

# ruff: noqa: A002, FBT001, FBT002, PLR0913, PLR0917 - the signatures are Ray's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis.observe import logs
from aktis.util.state.client import StateApiClient
from aktis.util.state.exception import StateApiException
from aktis.util.state.options import (
    DEFAULT_LIMIT,
    DEFAULT_RPC_TIMEOUT,
    GetApiOptions,
    ListApiOptions,
    StateResource,
    SummaryApiOptions,
    SummaryResource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import aktis
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
    from aktis.util.state.options import Filter


def list_actors(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[ActorState]:
    """Lists actors, those that are dead too as far as the head remembers them.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.ACTORS, options, raise_on_missing_output)


def list_tasks(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[TaskState]:
    """Lists attempts at tasks and calls: those not over, and the latest that are.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.TASKS, options, raise_on_missing_output)


def list_objects(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[ObjectState]:
    """Lists refs that processes hold, with the size of their objects where it is known.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.OBJECTS, options, raise_on_missing_output)


def list_nodes(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[NodeState]:
    """Lists nodes, those that are gone too.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.NODES, options, raise_on_missing_output)


def list_workers(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[WorkerState]:
    """Lists workers and drivers, the latest of those that are gone too.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.WORKERS, options, raise_on_missing_output)


def list_jobs(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[JobState]:
    """Lists jobs, those that ended too.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.JOBS, options, raise_on_missing_output)


def list_placement_groups(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[PlacementGroupState]:
    """Lists placement groups, those that were removed too.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.PLACEMENT_GROUPS, options, raise_on_missing_output)


def list_runtime_envs(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[RuntimeEnvState]:
    """Lists runtime environments that processes have.

    Arguments and errors are those of `StateApiClient.list`.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.RUNTIME_ENVS, options, raise_on_missing_output)


def list_cluster_events(
    address: str | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int = DEFAULT_LIMIT,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    detail: bool = False,
    raise_on_missing_output: bool = True,
) -> list[dict[str, Any]]:
    """Not there: aktis keeps no log of what happened to the cluster.

    Raises:
        NotImplementedError: always.
    """
    options = ListApiOptions(limit, timeout, detail, filters)
    client = StateApiClient(address)
    return client.list(StateResource.CLUSTER_EVENTS, options, raise_on_missing_output)


def get_actor(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> ActorState | None:
    """Describes the actor with this id, in detail; None if there is none."""
    found: ActorState | None = StateApiClient(address).get(
        StateResource.ACTORS, id, GetApiOptions(timeout)
    )
    return found


def get_job(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> JobState | None:
    """Describes the job with this id, in detail; None if there is none."""
    found: JobState | None = StateApiClient(address).get(
        StateResource.JOBS, id, GetApiOptions(timeout)
    )
    return found


def get_node(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> NodeState | None:
    """Describes the node with this id, in detail; None if there is none."""
    found: NodeState | None = StateApiClient(address).get(
        StateResource.NODES, id, GetApiOptions(timeout)
    )
    return found


def get_placement_group(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> PlacementGroupState | None:
    """Describes the placement group with this id, in detail; None if there is none."""
    found: PlacementGroupState | None = StateApiClient(address).get(
        StateResource.PLACEMENT_GROUPS, id, GetApiOptions(timeout)
    )
    return found


def get_worker(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> WorkerState | None:
    """Describes the worker with this id, in detail; None if there is none."""
    found: WorkerState | None = StateApiClient(address).get(
        StateResource.WORKERS, id, GetApiOptions(timeout)
    )
    return found


def get_task(
    id: str | aktis.ObjectRef[Any],
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> TaskState | list[TaskState] | None:
    """Describes the task with this id, or the one that makes an object, in detail.

    None if there is none, and a list if it was tried more than once.
    """
    identifier = id if isinstance(id, str) else id.task_id().hex()
    client = StateApiClient(address)
    found: TaskState | list[TaskState] | None = client.get(
        StateResource.TASKS, identifier, GetApiOptions(timeout)
    )
    return found


def get_objects(
    id: str,
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
) -> list[ObjectState]:
    """Describes the object with this id, once for each process that holds a ref to it."""
    client = StateApiClient(address)
    found: list[ObjectState] = client.get(StateResource.OBJECTS, id, GetApiOptions(timeout))
    return found


def summarize_tasks(
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    raise_on_missing_output: bool = True,
) -> dict[str, Any]:
    """Counts attempts at tasks by function and state.

    Errors are those of `StateApiClient.summary`.
    """
    return StateApiClient(address).summary(
        SummaryResource.TASKS,
        options=SummaryApiOptions(timeout),
        raise_on_missing_output=raise_on_missing_output,
    )


def summarize_actors(
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    raise_on_missing_output: bool = True,
) -> dict[str, Any]:
    """Counts actors by class and state.

    Errors are those of `StateApiClient.summary`.
    """
    return StateApiClient(address).summary(
        SummaryResource.ACTORS,
        options=SummaryApiOptions(timeout),
        raise_on_missing_output=raise_on_missing_output,
    )


def summarize_objects(
    address: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,
    raise_on_missing_output: bool = True,
) -> dict[str, Any]:
    """Counts refs by their kind and the state of what makes them.

    Errors are those of `StateApiClient.summary`.
    """
    return StateApiClient(address).summary(
        SummaryResource.OBJECTS,
        options=SummaryApiOptions(timeout),
        raise_on_missing_output=raise_on_missing_output,
    )


def list_logs(
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    glob_filter: str | None = None,
    timeout: float = DEFAULT_RPC_TIMEOUT,  # noqa: ARG001 - nobody is asked
) -> dict[str, list[str]]:
    """Lists the log files of this machine's session, by who writes them.

    What workers print is in no file: it goes to the driver's terminal.

    Args:
        address: None or "auto".
        node_id: Must be the node of this machine, if it is given.
        node_ip: Must be the address of this machine, if it is given.
        glob_filter: Which names, such as "*.log".
        timeout: Of no effect.
    """
    StateApiClient(address)
    _check_place(node_id, node_ip)
    return {"daemon": logs.files(glob_filter or "*")}


def get_log(
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    filename: str | None = None,
    actor_id: str | None = None,
    task_id: str | None = None,
    pid: int | None = None,
    follow: bool = False,
    tail: int = -1,
    encoding: str | None = "utf-8",
    errors: str = "strict",
) -> Iterator[str | bytes]:
    """Reads a log file of this machine's session, line by line.

    Args:
        address: None or "auto".
        node_id: Must be the node of this machine, if it is given.
        node_ip: Must be the address of this machine, if it is given.
        filename: The file, as `list_logs` names it.
        actor_id: Not there, like the two that follow: what workers print is in no file.
        task_id: Not there.
        pid: Not there.
        follow: Not there: the file can be followed with `tail -f`.
        tail: Only so many last lines; all if it is negative.
        encoding: How bytes become text; None gives bytes.
        errors: What becomes of bytes that are no text, as for `bytes.decode`.

    Raises:
        StateApiException: there is no such file.
        NotImplementedError: of what is not there.
    """
    StateApiClient(address)
    _check_place(node_id, node_ip)
    if actor_id is not None or task_id is not None or pid is not None:
        message = (
            "what workers print is kept in no file: it goes to the driver's terminal; "
            "redirect the driver's output, or log to a file of your own"
        )
        raise NotImplementedError(message)
    if follow:
        message = "a log is read as far as it is written; follow its file with tail -f"
        raise NotImplementedError(message)
    if filename is None:
        message = "get_log needs a filename; list_logs() lists them"
        raise StateApiException(message)
    return _decoded(filename, tail, encoding, errors)


def _decoded(filename: str, tail: int, encoding: str | None, errors: str) -> Iterator[str | bytes]:
    try:
        for line in logs.lines(filename, tail):
            yield line if encoding is None else line.decode(encoding, errors)
    except FileNotFoundError:
        message = f"there is no log file {filename!r}; list_logs() lists them"
        raise StateApiException(message) from None


def _check_place(node_id: str | None, node_ip: str | None) -> None:
    for node in list_nodes(filters=[("state", "=", "ALIVE")]):
        if node_id in {None, node.node_id} and node_ip in {None, node.node_ip}:
            return
    message = f"no node that is there has the id {node_id!r} and the address {node_ip!r}"
    raise StateApiException(message)
