"""What the cluster has: its nodes, their resources, and what ran on them when.

Owns the public form of the answers. Does not own the numbers (the head).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, overload

from aktis import settings
from aktis._kernel import queries, session
from aktis.measures import ports

MICROSECONDS_PER_SECOND = 1_000_000
# The names of colors that viewers of traces know.
_COLORS = {True: "terrible", False: "good"}


def nodes() -> list[dict[str, Any]]:
    """Returns all nodes, those that are gone too, as dicts with Ray's keys."""
    _require_session("nodes")
    shown = ports.shown()
    return [_public(node, shown.get(node["node_id"], 0)) for node in queries.nodes()]


def cluster_resources() -> dict[str, float]:
    """Returns what all living nodes have, by name."""
    _require_session("cluster_resources")
    return queries.cluster_resources()


def available_resources() -> dict[str, float]:
    """Returns what nobody holds at the moment, by name; what is used up does not appear."""
    _require_session("available_resources")
    return queries.available_resources()


@overload
def timeline(filename: None = None) -> list[dict[str, Any]]: ...
@overload
def timeline(filename: str) -> None: ...
def timeline(filename: str | None = None) -> list[dict[str, Any]] | None:
    """Returns what ran in this job, as events of a Chrome trace, or writes them to a file.

    `chrome://tracing` and Perfetto show such a file.
    """
    _require_session("timeline")
    events = [_event(span) for span in queries.timeline()]
    if filename is None:
        return events
    Path(filename).write_text(json.dumps(events), encoding="utf-8")
    return None


def get_node_ip_address() -> str:
    """Returns the address of this node."""
    own = session.require().node_id
    found = [node["facts"].get("address", "") for node in queries.nodes() if node["node_id"] == own]
    return str(found[0]) if found else ""


def get_node_instance_id() -> str:
    """Returns what the cloud calls the machine of this process; "" where nobody said so."""
    return settings.read(settings.CLOUD_INSTANCE_ID)


def _require_session(what: str) -> None:
    if session.current() is None:
        message = f"{what}() needs a session; call aktis.init() first"
        raise RuntimeError(message)


def _public(node: dict[str, Any], metrics_port: int) -> dict[str, Any]:
    facts: dict[str, str] = node["facts"]
    alive = bool(node["alive"])
    return {
        "NodeID": node["node_id"].hex(),
        "Alive": alive,
        "alive": alive,
        "NodeManagerAddress": facts.get("address", ""),
        "NodeManagerHostname": facts.get("host", ""),
        "NodeManagerPort": 0,
        "ObjectManagerPort": 0,
        "ObjectStoreSocketName": facts.get("socket", ""),
        "RayletSocketName": facts.get("socket", ""),
        "MetricsExportPort": metrics_port if alive else 0,
        "NodeName": facts.get("name") or facts.get("address", ""),
        "RuntimeEnvAgentPort": 0,
        "DeathReason": 0 if alive else 1,
        "DeathReasonMessage": facts.get("death", ""),
        "Resources": dict(node["resources"]) if alive else {},
        "Labels": dict(node["labels"]),
    }


def _event(span: dict[str, Any]) -> dict[str, Any]:
    return {
        "cat": f"task::{span['name']}",
        "name": span["name"],
        "ph": "X",
        "pid": f"job {span['job']}",
        "tid": f"worker pid={span['pid']}",
        "ts": span["began_s"] * MICROSECONDS_PER_SECOND,
        "dur": span["ran_s"] * MICROSECONDS_PER_SECOND,
        "cname": _COLORS[bool(span["failed"])],
        "args": {"worker_id": span["worker_id"].hex(), "failed": span["failed"]},
    }
