"""Connects this process to a cluster and leaves it: the one session of this process.

Owns who this process is and how that is found. Does not own the cluster's processes
(`aktis.cluster`), nor what a public call does without a session but ask for one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis.exceptions import AktisError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aktis._kernel.tracing import Tracer

# Ids begin with bytes of their session, and end in two numbers: zero and the node's, or the node's
# and the process's there.
FINGERPRINT_BYTES = 20
NUMBER_BYTES = 4
NUMBER_BITS = 8 * NUMBER_BYTES
# A number that no node has.
NOWHERE = 0xFFFF_FFFF


class Session:
    """What this process is in its cluster.

    Attributes:
        namespace: Where the job's actors are named.
        process_id: The process that began it; its children by `fork` have the session in name only.
        default_environment: The runtime environment of the job, as JSON.
        worker: The engine's own name of this process: its node, and its number there.
        published: Functions that the head has from this process, by job.
        unfinished: First results of calls, of actors whose callers ask how many are unfinished.
        tracer: Makes spans of calls, if the job is traced.
    """

    def __init__(
        self, engine: _core.Engine, *, namespace: str, is_driver: bool, session_dir: str
    ) -> None:
        self.engine = engine
        self.namespace = namespace
        identity = engine.identity()
        self.session_name: str = identity["session"]
        # Of this session and no other: the end of its name is drawn by chance.
        self._fingerprint: bytes = self.session_name.encode()[-FINGERPRINT_BYTES:]
        self.worker: dict[str, int] = identity["worker"]
        self.worker_id = self.id_of_worker(**self.worker)
        self.node_id = self.id_of_node(self.worker["node"])
        self.is_driver = is_driver
        self.process_id = os.getpid()
        self.session_dir = session_dir
        self.default_environment = ""
        self.published: set[tuple[int, bytes]] = set()
        self.unfinished: dict[bytes, list[_core.ObjectRef[Any]]] = {}
        self.unfinished_lock = threading.Lock()
        self.tracer: Tracer | None = None

    @property
    def job_id(self) -> int:
        """The job on whose behalf the caller works."""
        return self.engine.job

    def id_of_node(self, node: int) -> bytes:
        """The id of a node of this session, from its number."""
        return self._fingerprint + node.to_bytes(2 * NUMBER_BYTES, "big")

    def id_of_worker(self, node: int, number: int) -> bytes:
        """The id of a process of this session, from its node and its number there."""
        return self.id_of_node(node << NUMBER_BITS | number)

    def id_of_node_of(self, worker_id: bytes) -> bytes:
        """The id of the node of a process of this session, from the id of the process."""
        return self.id_of_node(int.from_bytes(worker_id[-2 * NUMBER_BYTES : -NUMBER_BYTES], "big"))

    def node_of(self, node_id: str) -> int:
        """The number of a node of this session from its id; of another session, that of none."""
        number = int.from_bytes(bytes.fromhex(node_id)[-NUMBER_BYTES:], "big")
        return number if self.id_of_node(number).hex() == node_id.lower() else NOWHERE


def connect(
    *,
    socket: str,
    token: bytes,
    session_dir: str,
    namespace: str,
    entrypoint: str,
    owns_cluster: bool,
    environment: str = "",
) -> Session:
    """Joins the cluster behind `socket` as a driver, and begins a job."""
    engine = _core.Engine.connect(
        {
            "socket": socket,
            "token": token,
            "namespace": namespace,
            "entrypoint": entrypoint,
            "owns_cluster": owns_cluster,
        }
    )
    made = Session(engine, namespace=namespace, is_driver=True, session_dir=session_dir)
    made.default_environment = environment
    _put_into_use(made)
    return made


def join(engine: _core.Engine) -> Session:
    """The session of a worker process; it learns of its job with its first task."""
    socket = engine.identity()["socket"]
    directory = os.path.dirname(socket)  # noqa: PTH120 - pathlib costs milliseconds
    made = Session(engine, namespace="", is_driver=False, session_dir=directory)
    _put_into_use(made)
    return made


def leave() -> None:
    """Leaves the cluster: what is written is sent, every later call fails. Harmless if repeated."""
    with _lock:
        if not _sessions:
            return
        left = _sessions.pop()
    farewells, _farewells[:] = list(_farewells), []
    for say_farewell in farewells:
        # The node may be gone already, and with it whatever is left to hear.
        with contextlib.suppress(AktisError, RuntimeError):
            say_farewell()
    left.engine.close()


def current() -> Session | None:
    """The session, if this process is connected."""
    return _sessions[-1] if _sessions else None


def of_this_process() -> Session | None:
    """The session, unless it is the parent's, which cannot be used in a child by `fork`."""
    here = current()
    return None if here is None or here.process_id != os.getpid() else here


def require() -> Session:
    """The session; begun now if there is none.

    Raises:
        RuntimeError: there is none, and none may be begun.
    """
    if _sessions:
        return _sessions[-1]
    for begin in _beginners:
        begin()
    if _sessions:
        return _sessions[-1]
    message = "this process is not connected to a cluster; call aktis.init() first"
    raise RuntimeError(message)


def set_auto_init(begin: Callable[[], object]) -> None:
    """Has `begin` called by whatever first needs a session."""
    _beginners[:] = [begin]


def before_leaving(say_farewell: Callable[[], object]) -> None:
    """Has `say_farewell` called when the session ends, while the engine still runs."""
    _farewells.append(say_farewell)


# At most one of each; lists, so that looking costs no lock.
_sessions: list[Session] = []
_beginners: list[Callable[[], object]] = []
_farewells: list[Callable[[], object]] = []
_lock = threading.Lock()


def _put_into_use(made: Session) -> None:
    with _lock:
        _sessions[:] = [made]
