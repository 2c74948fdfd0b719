"""The page on which a node shows its metrics to Prometheus, for this machine only.

Owns the actor that serves it, and when it begins. Does not own the values, which it reads when it
is asked, nor their form (`aktis.util.metrics.families`).
"""

from __future__ import annotations

import importlib.util
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import aktis
from aktis.measures import ports
from aktis.util.metrics import values
from aktis.util.scheduling_strategies import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

HOST = "127.0.0.1"
NAMESPACE = "aktis.metrics"
# Written beside the books once there is the actor: further processes need not ask for it.
MARK = "page"
QUIET_S = 3600.0
TYPE = "text/plain; version=0.0.4; charset=utf-8"


def show(directory: Path) -> None:
    """Has the node show its metrics, if it does not yet and the package for it is installed.

    Never raises: a program does not end because it cannot be watched.
    """
    if (directory / MARK).exists() or importlib.util.find_spec("prometheus_client") is None:
        return
    try:
        _actor_class().remote(directory)
        (directory / MARK).touch()
    except Exception as error:  # noqa: BLE001 - whatever it is, the program goes on
        import logging

        logging.getLogger("aktis").warning("there is no page of metrics (%r)", error)


class MetricsPage:
    """The actor: answers whoever asks at its port, as long as the session lasts."""

    def __init__(self, directory: Path) -> None:
        from http.server import ThreadingHTTPServer

        wanted = ports.wanted()
        try:
            self._server = ThreadingHTTPServer((HOST, wanted), _handler(directory))
        except OSError as error:
            import logging

            message = "no page of metrics: nothing can be served at %s:%d (%s); the values are kept"
            logging.getLogger("aktis").warning(message, HOST, wanted, error)
        else:
            # It looks whether it is to end as often as this; it never is.
            serve = partial(self._server.serve_forever, poll_interval=QUIET_S)
            threading.Thread(target=serve, daemon=True).start()
            ports.show(self._server.server_port)


def _actor_class() -> Any:
    """The actor's class, whose instances are one for each node."""
    node = aktis.get_runtime_context().get_node_id()
    kind = aktis.remote(
        num_cpus=0,
        name=f"page of {node}",
        namespace=NAMESPACE,
        lifetime="detached",
        max_restarts=-1,
        get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    )
    return kind(MetricsPage)


def _handler(directory: Path) -> type[BaseHTTPRequestHandler]:
    from http import HTTPStatus
    from http.server import BaseHTTPRequestHandler

    from aktis.util.metrics import families

    here = aktis.get_runtime_context()
    common = {
        "NodeAddress": aktis.util.get_node_ip_address(),
        "NodeId": here.get_node_id(),
        "SessionName": here.get_session_name(),
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        def do_GET(self) -> None:
            """Shows all metrics as they are now."""
            shown = families.text(values.read_from(directory), common)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", TYPE)
            self.send_header("Content-Length", str(len(shown)))
            self.end_headers()
            self.wfile.write(shown)

        def log_message(self, *_: Any) -> None:
            """Says nothing of a request: whoever asks does so every few seconds."""

    return Handler
