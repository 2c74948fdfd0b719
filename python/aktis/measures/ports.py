"""Where a node shows its metrics: the port that is wanted, and the one that is in use.

Owns their places in the head's table. Does not own the page (`aktis.util.metrics`).
"""

from __future__ import annotations

import importlib.util

from aktis._kernel import queries, session

# Entries of the head's key-value table.
WANTED = "aktis.metrics.wanted"
SHOWN = "aktis.metrics.shown"
PORT_MAX = 65535


def checked(port: int | None) -> int | None:
    """The port that is asked for, if it is one and can be used.

    Raises:
        TypeError: It is no whole number.
        ValueError: There is no such port.
        ImportError: The package that the page needs is not installed.
    """
    if port is None:
        return None
    if not isinstance(port, int):
        message = f"_metrics_export_port must be a whole number, not {port!r}"
        raise TypeError(message)
    if not 0 <= port <= PORT_MAX:
        message = f"_metrics_export_port must be 0 (any) to {PORT_MAX}, not {port}"
        raise ValueError(message)
    if importlib.util.find_spec("prometheus_client") is None:
        message = "_metrics_export_port needs prometheus_client: pip install 'aktis[metrics]'"
        raise ImportError(message)
    return port


def want(port: int) -> None:
    """Has this node show its metrics there, once there are some."""
    queries.kv_put(session.require().node_id, str(port).encode(), namespace=WANTED)


def wanted() -> int:
    """The port that was asked for on this node; 0 is any."""
    return int(queries.kv_get(session.require().node_id, namespace=WANTED) or 0)


def show(port: int) -> None:
    """Says that the metrics of this node are shown there."""
    queries.kv_put(session.require().node_id, str(port).encode(), namespace=SHOWN)


def shown() -> dict[bytes, int]:
    """The ports at which nodes show their metrics, by id of the node."""
    nodes = queries.kv_keys(b"", namespace=SHOWN)
    return {node: int(queries.kv_get(node, namespace=SHOWN) or 0) for node in nodes}
