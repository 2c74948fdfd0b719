"""What can be asked of the head, as plain values.

Owns the questions. Does not own the public form of the answers (`aktis`).
"""

from __future__ import annotations

from typing import Any

from aktis._kernel.session import require

# Keys of the user's own, apart from the engine's.
KV_NAMESPACE = ""


def nodes() -> list[dict[str, Any]]:
    """All nodes: `node_id alive resources labels facts`."""
    found: list[dict[str, Any]] = require().engine.ask("nodes")
    return found


def cluster_resources() -> dict[str, float]:
    """What all nodes have."""
    found: dict[str, float] = require().engine.ask("total_resources")
    return found


def available_resources() -> dict[str, float]:
    """What is free."""
    found: dict[str, float] = require().engine.ask("free_resources")
    return found


def actor_named(name: str, namespace: str) -> tuple[bytes, bytes] | None:
    """The actor of a name: its id, and what a handle needs to know, pickled."""
    found: tuple[bytes, bytes] | None = require().engine.ask(
        "actor_named", name=name, namespace=namespace
    )
    return found


def actor_names(namespace: str | None) -> list[tuple[str, str]]:
    """Names and namespaces of actors; of one namespace, or of all."""
    found: list[tuple[str, str]] = require().engine.ask("actor_names", namespace=namespace)
    return found


def actors() -> list[dict[str, Any]]:
    """All actors: `actor_id class_name name state why restarts`."""
    found: list[dict[str, Any]] = require().engine.ask("actors")
    return found


def groups() -> list[dict[str, Any]]:
    """All placement groups: `group_id name namespace bundles strategy detached state nodes why`."""
    found: list[dict[str, Any]] = require().engine.ask("groups")
    return found


def group_named(name: str, namespace: str) -> dict[str, Any] | None:
    """The placement group of a name."""
    found: list[dict[str, Any]] | None = require().engine.ask(
        "group_named", name=name, namespace=namespace
    )
    return found[0] if found else None


def timeline() -> list[dict[str, Any]]:
    """What ran in this job: `name job worker_id pid began_s ran_s failed`."""
    session = require()
    found: list[dict[str, Any]] = session.engine.ask("timeline", job=session.job_id)
    return found


def jobs() -> list[dict[str, Any]]:
    """All jobs: `job driver pid namespace entrypoint running`."""
    found: list[dict[str, Any]] = require().engine.ask("jobs")
    return found


def kv_get(key: bytes, *, namespace: str = KV_NAMESPACE) -> bytes | None:
    """The value of a key."""
    found: bytes | None = require().engine.ask("get", namespace=namespace, key=key)
    return found


def kv_put(
    key: bytes, value: bytes, *, overwrite: bool = True, namespace: str = KV_NAMESPACE
) -> bool:
    """Sets a key, unless it is there and may not be overwritten; whether it was added."""
    added: int = require().engine.ask(
        "put", namespace=namespace, key=key, value=value, overwrite=overwrite
    )
    return added > 0


def kv_delete(key: bytes, *, prefix: bool = False, namespace: str = KV_NAMESPACE) -> int:
    """Removes a key, or all that begin with it; how many those were."""
    removed: int = require().engine.ask("delete", namespace=namespace, key=key, prefix=prefix)
    return removed


def kv_keys(prefix: bytes, *, namespace: str = KV_NAMESPACE) -> list[bytes]:
    """All keys that begin so."""
    found: list[bytes] = require().engine.ask("keys", namespace=namespace, key=prefix)
    return found
