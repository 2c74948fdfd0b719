"""`init` and `shutdown`: how a program begins and ends its session.

Owns the arguments, what they mean together, and what is undone at the end. Does not own the
cluster's processes (`aktis.cluster`), nor the session itself (`aktis._kernel.session`).
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from aktis import job_config as jobs, settings
from aktis._kernel import job_setup, session
from aktis.job_config import JobConfig
from aktis.measures import ports
from aktis.node_options import ADDRESS, NodeOptions
from aktis.runtime_env import RuntimeEnv, of_job
from aktis.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from aktis._kernel.session import Session
    from aktis.cluster.local import LocalCluster
    from aktis.cluster.session_dir import SessionDir
    from aktis.logging_config import LoggingConfig

LOCAL = "local"
NEWEST = "auto"
CLIENT_SCHEME = "ray://"
# Arguments that Ray takes without showing them; unset, they do nothing.
_UNSHOWN = frozenset({
    "_driver_object_store_memory", "_enable_object_reconstruction", "_node_ip_address",
    "_node_name", "_redis_password", "_redis_username", "_temp_dir",
    "allow_multiple",
})  # fmt: skip


class Job(NamedTuple):
    """What a driver says about its job when it begins."""

    namespace: str
    environment: RuntimeEnv
    logging: LoggingConfig | None
    tracing_hook: str | None


class Context:
    """A begun session; as a context manager it ends the session.

    Attributes:
        address_info: Where the session lies, and how it is called.
        dashboard_url: "": there is no dashboard yet.
        python_version: The version of Python that runs here.
        aktis_version: The version of aktis.
    """

    def __init__(self, here: Session) -> None:
        self.dashboard_url = ""
        self.python_version = platform.python_version()
        self.aktis_version = self.ray_version = __version__
        self.aktis_commit = self.ray_commit = ""
        self.address_info: dict[str, str] = {
            "address": here.session_dir,
            "session_dir": here.session_dir,
            "session_name": here.session_name,
            "node_id": here.node_id.hex(),
            "node_ip_address": ADDRESS,
            "webui_url": "",
        }

    def disconnect(self) -> None:
        """Ends the session, as `shutdown` does."""
        shutdown()

    def __getitem__(self, name: str) -> Any:
        return self.address_info[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        return f"Context(session={self.address_info['session_name']!r})"


def init(  # noqa: PLR0913 - Ray's signature
    address: str | None = None,
    *,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    resources: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    object_store_memory: int | None = None,
    local_mode: bool = False,
    ignore_reinit_error: bool = False,
    include_dashboard: bool | None = None,
    dashboard_host: str = ADDRESS,  # noqa: ARG001 - Ray's signature
    dashboard_port: int | None = None,  # noqa: ARG001 - Ray's signature
    job_config: JobConfig | None = None,
    configure_logging: bool = True,
    logging_level: int | str = "INFO",
    logging_format: str | None = None,  # noqa: ARG001 - Ray's signature
    logging_config: LoggingConfig | None = None,
    log_to_driver: bool | None = None,
    namespace: str | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    enable_resource_isolation: bool = False,
    cgroup_path: str | None = None,
    system_reserved_cpu: float | None = None,
    system_reserved_memory: int | None = None,
    proxy_server_url: str | None = None,
    **unshown: Any,
) -> Context:
    """Begins the session of this process, with a cluster of its own or attached to one.

    Args:
        address: None for the address in the environment or else a new cluster; "local" for a new
            one; "auto" for the newest of this user; or the directory of a session.
        num_cpus: CPUs of a new cluster, as all up to `object_store_memory`; None counts them.
        num_gpus: GPUs.
        resources: Other amounts, by name.
        labels: Labels of its node.
        object_store_memory: The size of its shared memory, in bytes.
        local_mode: Not possible any more.
        ignore_reinit_error: Whether a second `init` gives what the first gave.
        include_dashboard: Must not be true: there is no dashboard yet.
        dashboard_host: Without effect.
        dashboard_port: Without effect.
        job_config: What holds for the whole job.
        configure_logging: Whether to set the level of the engine's logger.
        logging_level: That level.
        logging_format: Without effect.
        logging_config: How this process and those of the job write log records.
        log_to_driver: Whether what workers print appears here.
        namespace: Where names of actors are known; None for one that nobody else has.
        runtime_env: What processes of the job bring along.
        enable_resource_isolation: Not there yet, as all that follow.
        cgroup_path: Not there yet.
        system_reserved_cpu: Not there yet.
        system_reserved_memory: Not there yet.
        proxy_server_url: Not there yet.
        **unshown: Arguments that Ray takes without showing them; of these `_tracing_startup_hook`
            is "module:function", called in each process to set up the export of spans.

    Raises:
        RuntimeError: there is a session already, the cluster did not start, or an argument is not
            known.
        ConnectionError: no such session runs.
        ValueError: an argument makes no sense, or describes a cluster that is there already.
        NotImplementedError: what an argument asks for is not there yet.
        OSError: the directory for objects that do not fit into memory cannot be made.
    """
    with _beginning:
        here = session.of_this_process()
        if here is not None:
            return _in_session_already(here, ignore_reinit_error=ignore_reinit_error)
        _refuse_absent(
            include_dashboard=include_dashboard,
            enable_resource_isolation=enable_resource_isolation,
            cgroup_path=cgroup_path,
            system_reserved_cpu=system_reserved_cpu,
            system_reserved_memory=system_reserved_memory,
            proxy_server_url=proxy_server_url,
        )
        if local_mode:
            message = (
                "local_mode is no longer supported; use a debugger in the worker, or num_cpus=1"
            )
            raise RuntimeError(message)
        node = NodeOptions(
            num_cpus,
            num_gpus,
            None if resources is None else dict(resources),
            None if labels is None else dict(labels),
            object_store_memory,
            unshown.pop("_memory", None),
            unshown.pop("object_spilling_directory", None),
            unshown.pop("_system_config", None),
            ports.checked(unshown.pop("_metrics_export_port", None)),
        )
        tracing_hook = unshown.pop("_tracing_startup_hook", None)
        _check_unshown(unshown)
        config = job_config or JobConfig()
        if configure_logging:
            _set_level(logging_level)
        job = Job(
            _namespace(namespace, config),
            _job_environment(config, runtime_env),
            logging_config or config.py_logging_config,
            tracing_hook,
        )
        lines = _lines_wanted(log_to_driver=log_to_driver)
        _begin(address, node, job)
        jobs.adopt(job_config)
        if lines is not None:
            _begun.print_lines(lines)
        return _begun.note()


def shutdown(*, wait_for_processes: bool = False) -> None:  # noqa: ARG001 - Ray's signature
    """Ends the session, and the cluster if this process began it. Harmless if there is none."""
    if _begun.process_id == os.getpid():
        _begun.end()
    jobs.adopt(None)


def is_initialized() -> bool:
    """Whether this process has a session."""
    return session.of_this_process() is not None


class _Begun:
    """What this process began and has to end: one session at most, and its cluster."""

    def __init__(self) -> None:
        self.context: Context | None = None
        self.cluster: LocalCluster | None = None
        self.lines: threading.Thread | None = None
        self.process_id = 0

    def note(self) -> Context:
        """The session is complete; it ends with the process at the latest."""
        if self.process_id != os.getpid():
            import atexit

            atexit.register(shutdown)
            _end_in_order_when_told()
            self.process_id = os.getpid()
        self.context = Context(session.require())
        return self.context

    def print_lines(self, window_s: float) -> None:
        """Prints what workers print, as long as the session lasts."""
        from aktis._kernel import logs

        self.lines = logs.start(session.require().engine, window_s=window_s)

    def end(self) -> None:
        """Leaves, and waits until what was begun has ended."""
        self.context = None
        session.leave()
        if self.lines is not None:
            from aktis._kernel import logs

            self.lines.join(logs.LAST_LINES_LIMIT_S)
            self.lines = None
        if self.cluster is not None:
            self.cluster.wait()
            self.cluster = None


_begun = _Begun()
# Held while a session begins: whoever needs one in another thread waits for that.
_beginning = threading.RLock()


def _in_session_already(here: Session, *, ignore_reinit_error: bool) -> Context:
    """What `init` gives in a session; a worker has one from its start."""
    if ignore_reinit_error:
        return _begun.context or Context(here)
    if not here.is_driver:
        message = (
            "tasks and actors are in the session of their driver already: leave init() out there, "
            "or give ignore_reinit_error=True"
        )
        raise RuntimeError(message)
    message = (
        "there is a session already: call aktis.shutdown() first, or give "
        "ignore_reinit_error=True to go on with it"
    )
    raise RuntimeError(message)


def _lines_wanted(*, log_to_driver: bool | None) -> float | None:
    """For how long equal lines of workers are counted; None if no lines are to be printed.

    Raises:
        ValueError: the environment makes no sense.
    """
    if not (settings.read(settings.LOG_TO_DRIVER) if log_to_driver is None else log_to_driver):
        return None
    if not settings.read(settings.DEDUP_LOGS):
        return 0.0
    return settings.read(settings.DEDUP_LOGS_AGG_WINDOW_S)


def _begin(address: str | None, node: NodeOptions, job: Job) -> None:
    """Connects, to a new cluster or to one that runs."""
    found = _attached(address)
    if found is not None and node.given():
        message = (
            f"{', '.join(node.given())} describe a new cluster, but this process attaches to "
            f'{found.path}; leave them out, or give address="local"'
        )
        raise ValueError(message)
    cluster = node.start() if found is None else None
    directory = cluster.session if cluster is not None else found
    assert directory is not None, "a session is begun or found"
    _begun.cluster = cluster
    try:
        here = session.connect(
            socket=str(directory.socket),
            token=directory.token_file.read_bytes(),
            session_dir=str(directory.path),
            namespace=job.namespace,
            entrypoint=" ".join(sys.argv) or sys.executable,
            owns_cluster=cluster is not None,
            environment=job.environment.serialize(),
        )
        if cluster is not None:
            cluster.connected()
        job_setup.describe(
            here,
            logging=None if job.logging is None else job.logging.applied(),
            setup_hook=job.environment.setup_hook(),
            tracing_hook=job.tracing_hook,
        )
        if node.metrics_export_port is not None:
            ports.want(node.metrics_export_port)
    except BaseException:
        if cluster is not None:
            cluster.kill()
        _begun.end()
        raise


def _attached(address: str | None) -> SessionDir | None:
    """The running session that an address names; None asks for a new cluster."""
    from aktis.cluster import session_dir

    if address in {None, NEWEST}:
        address = settings.read(settings.ADDRESS) or address
    if address is None or address == LOCAL:
        return None
    if not isinstance(address, str):
        message = f"the address must be a string, not {address!r}"
        raise TypeError(message)
    if address.startswith(CLIENT_SCHEME):
        message = f"{address!r}: clients of remote clusters are not there yet"
        raise NotImplementedError(message)
    if address == NEWEST:
        running = session_dir.running()
        if not running:
            message = 'address="auto", but no session of this user runs; leave the address out'
            raise ConnectionError(message)
        return running[-1]
    return _named(address)


def _named(address: str) -> SessionDir:
    """The running session whose directory, socket or name is `address`."""
    from aktis.cluster import session_dir

    for running in session_dir.running():
        if address in {str(running.path), str(running.socket), running.name}:
            return running
    host, colon, port = address.rpartition(":")
    if host and colon and port.isdigit():
        message = f"nobody answers at {address}: this version has clusters of one machine only"
        raise ConnectionError(message)
    message = f"no session of this user runs at {address!r}"
    raise ConnectionError(message)


def _job_environment(config: JobConfig, given: Mapping[str, Any] | None) -> RuntimeEnv:
    """The environment of the job: what it was submitted with, its config's, and `init`'s own."""
    submitted = settings.read(settings.JOB_CONFIG).get("runtime_env")
    if submitted is None:
        submitted = settings.read(settings.RUNTIME_ENV)
    own = RuntimeEnv.of(given) if given is not None else config.runtime_env
    return of_job(submitted, own)


def _namespace(given: str | None, config: JobConfig) -> str:
    for name in (given, config.ray_namespace, settings.read(settings.NAMESPACE)):
        if name is not None and not isinstance(name, str):
            message = f"the namespace must be a string, not {name!r}"
            raise TypeError(message)
    if given == "":
        message = "the namespace must not be empty; None gives one that nobody else has"
        raise ValueError(message)
    for name in (given, config.ray_namespace, settings.read(settings.NAMESPACE)):
        if name:
            return name
    import uuid

    return str(uuid.uuid4())


def _set_level(level: int | str) -> None:
    """Sets the level of the engine's logger, and does not import `logging` to leave it as it is."""
    if level != "INFO":
        import logging

        logging.getLogger("aktis").setLevel(level)


def _refuse_absent(**arguments: object) -> None:
    for name, value in arguments.items():
        if value:
            message = f"{name} is not there yet; leave it out (the README lists what is missing)"
            raise NotImplementedError(message)


def _check_unshown(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if name not in _UNSHOWN:
            message = f"init() has no argument {name!r}"
            raise RuntimeError(message)
        _refuse_absent(**{name: value})


def _end_in_order_when_told() -> None:
    """Has SIGTERM run exit handlers, if the program has no other plans for it."""
    import signal

    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _begin_by_itself() -> None:
    """Begins a session for the first call that needs one, unless that is switched off."""
    if not settings.read(settings.ENABLE_AUTO_CONNECT):
        message = (
            f"there is no session, and {settings.ENABLE_AUTO_CONNECT.variable}=0 forbids to begin "
            f"one by itself; call aktis.init() first"
        )
        raise RuntimeError(message)
    with _beginning:
        if session.current() is None:
            init()


session.set_auto_init(_begin_by_itself)
