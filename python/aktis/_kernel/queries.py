"""What can be asked of the head, as plain values.

Owns the questions. Does not own the public form of the answers (`aktis`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from aktis import _core
from aktis._kernel import forms
from aktis._kernel.session import Session, require

# Keys of the user's own, apart from the engine's.
KV_NAMESPACE = ""
ACTOR_STATES = {
    "Pending": "PENDING_CREATION",
    "Alive": "ALIVE",
    "Restarting": "RESTARTING",
    "Dead": "DEAD",
}
# A class is known by the name of the task that makes its actors.
CONSTRUCTOR_SUFFIX = ".__init__"
GROUP_STATES = {"Pending": "PENDING", "Created": "CREATED", "Removed": "REMOVED"}
_STRATEGIES = {told: name for name, told in forms.GROUP_STRATEGIES.items()}


def nodes() -> list[dict[str, Any]]:
    """All nodes: `node_id alive resources labels facts`."""
    here = require()
    return [
        {
            "node_id": here.id_of_node(node["node"]),
            "alive": node["alive"],
            "resources": forms.amounts(node["resources"]),
            "labels": node["labels"],
            "facts": node["facts"],
        }
        for node in _ask(here, "Nodes")
    ]


def cluster_resources() -> dict[str, float]:
    """What all nodes have."""
    return _of_all_nodes("resources")


def available_resources() -> dict[str, float]:
    """What is free."""
    return _of_all_nodes("free")


def actor_named(name: str, namespace: str) -> tuple[bytes, bytes] | None:
    """The actor of a name: its id, and what a handle needs to know, pickled."""
    found = _ask(require(), {"ActorNamed": {"namespace": namespace, "name": name}})
    return None if found is None else (bytes(found["actor"]), found["handle"])


def actor_names(namespace: str | None) -> list[tuple[str, str]]:
    """Names and namespaces of actors; of one namespace, or of all."""
    found = _ask(require(), {"ActorNames": namespace})
    return [(full["name"], full["namespace"]) for full in found]


def actors() -> list[dict[str, Any]]:
    """All actors: `actor_id class_name name state worker_id why restarts shape detached`."""
    here = require()
    return [_actor(here, found) for found in _ask(here, "Actors")]


def groups() -> list[dict[str, Any]]:
    """All placement groups: `group_id name namespace bundles strategy detached state nodes why`."""
    here = require()
    return [_group(here, found) for found in _ask(here, "Groups")]


def group_named(name: str, namespace: str) -> dict[str, Any] | None:
    """The placement group of a name."""
    here = require()
    found = _ask(here, {"GroupNamed": {"namespace": namespace, "name": name}})
    return _group(here, found[0]) if found else None


def timeline() -> list[dict[str, Any]]:
    """What ran in this job: `name job worker_id pid began_s ran_s failed`."""
    here = require()
    return [
        {
            **span,
            "worker_id": here.id_of_worker(**span["worker"]),
            "began_s": forms.seconds(span["began"]),
            "ran_s": forms.seconds(span["ran"]),
        }
        for span in _ask(here, {"Survey": {"Spans": here.job_id}})["spans"]
    ]


def jobs() -> list[dict[str, Any]]:
    """All jobs: `job driver pid namespace entrypoint running`."""
    here = require()
    return [{**job, "driver": here.id_of_worker(**job["driver"])} for job in _ask(here, "Jobs")]


def function(job: int, function_id: bytes) -> bytes | None:
    """The pickle of a function of a job; waits for it if its owner has not sent it yet."""
    found: bytes | None = _ask(require(), {"Function": (job, function_id)})
    return found


def kv_get(key: bytes, *, namespace: str = KV_NAMESPACE) -> bytes | None:
    """The value of a key."""
    found: bytes | None = _ask(require(), {"Get": _key(key, namespace)})
    return found


def kv_put(
    key: bytes, value: bytes, *, overwrite: bool = True, namespace: str = KV_NAMESPACE
) -> bool:
    """Sets a key, unless it is there and may not be overwritten; whether it was added."""
    put = {"key": _key(key, namespace), "value": value, "overwrite": overwrite}
    return bool(_ask(require(), {"Put": put}))


def kv_delete(key: bytes, *, prefix: bool = False, namespace: str = KV_NAMESPACE) -> int:
    """Removes a key, or all that begin with it; how many those were."""
    removed: int = _ask(require(), {"Delete": {"key": _key(key, namespace), "prefix": prefix}})
    return removed


def kv_keys(prefix: bytes, *, namespace: str = KV_NAMESPACE) -> list[bytes]:
    """All keys that begin so."""
    return [bytes(key) for key in _ask(require(), {"Keys": _key(prefix, namespace)})]


def _ask(here: Session, question: str | dict[str, Any]) -> Any:
    """What the answer holds; None if there is nothing."""
    answer = here.engine.ask(question)
    return None if answer == "Nothing" else forms.content(answer)


def _of_all_nodes(part: str) -> dict[str, float]:
    counted: Counter[str] = Counter()
    for node in _ask(require(), "Nodes"):
        counted.update(node[part])
    return forms.amounts(counted)


def _key(name: bytes, namespace: str) -> dict[str, Any]:
    return {"namespace": namespace, "name": name}


def _actor(here: Session, found: dict[str, Any]) -> dict[str, Any]:
    name = found["name"]
    worker = reason = None
    match found["state"]:
        case {"Alive": {"worker": where}}:
            worker = here.id_of_worker(**where)
        case {"Restarting": why}:
            reason = why
        case {"Dead": failure}:
            reason = _core.sentence(failure)
        case _:
            pass
    return {
        "actor_id": bytes(found["actor"]),
        "class_name": found["class"].removesuffix(CONSTRUCTOR_SUFFIX),
        "name": None if name is None else (name["name"], name["namespace"]),
        "state": ACTOR_STATES[forms.kind(found["state"])],
        "worker_id": worker,
        "why": reason,
        "restarts": found["restarts"],
        "shape": found["shape"],
        "detached": found["detached"],
    }


def _group(here: Session, found: dict[str, Any]) -> dict[str, Any]:
    spec = found["spec"]
    nodes: list[int] = []
    reason = None
    match found["state"]:
        case {"Created": places}:
            nodes = places
        case {"Removed": failure}:
            reason = _core.sentence(failure)
        case _:
            pass
    return {
        "group_id": bytes(spec["id"]),
        "name": spec["name"],
        "namespace": spec["namespace"],
        "bundles": [forms.amounts(bundle) for bundle in spec["bundles"]],
        "strategy": _STRATEGIES[spec["strategy"]],
        "detached": spec["detached"],
        "state": GROUP_STATES[forms.kind(found["state"])],
        "nodes": [here.id_of_node(node) for node in nodes],
        "why": reason,
    }
