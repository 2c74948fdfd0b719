"""What well-known libraries ask of Ray's private modules, where aktis has no name for the answer.

Owns those answers. Does not own which names lead here, nor the reasons (`aktis.as_ray.table`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aktis
from aktis._kernel import session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Client:
    """The client of a cluster elsewhere, through which this process would speak to it."""

    def get_context(self) -> Client:
        """The client itself: there is one connection at most."""
        return self

    def is_connected(self) -> bool:
        """Whether the cluster is elsewhere, which it never is: a process is part of its cluster."""
        return False


class GlobalWorker:
    """This process as a part of the cluster."""

    @property
    def mode(self) -> int | None:
        """`SCRIPT_MODE` in a driver, `WORKER_MODE` in a worker, None outside a session."""
        here = session.current()
        if here is None:
            return None
        return aktis.SCRIPT_MODE if here.is_driver else aktis.WORKER_MODE


def request_resources(
    num_cpus: int | None = None,
    bundles: Sequence[Mapping[str, float]] | None = None,
    bundle_label_selectors: Sequence[Mapping[str, str]] | None = None,
) -> None:
    """Has no effect, as in Ray without an autoscaler: nobody makes the cluster larger."""


client = Client()
global_worker = GlobalWorker()
