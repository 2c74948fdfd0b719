"""How threads wait for what the cluster does: as tasks wait, and never for a session that ended.

Owns the lending of CPUs while a thread of a task waits for something other than a ref, and the
knowledge of which session it was. Does not own what is waited for.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import aktis

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aktis.types import ObjectRef


class SessionWait:
    """The session in which something began, and the waits for it.

    Attributes:
        changed: Whoever changes what is waited for holds this, and notifies all.
    """

    def __init__(self) -> None:
        """Begins a session if there is none."""
        self._session_name = _session_name()
        self.changed = threading.Condition(threading.Lock())

    def is_over(self) -> bool:
        """Whether the session has ended."""
        return not aktis.is_initialized() or _session_name() != self._session_name

    def lend(
        self,
        is_true: Callable[[], bool],
        under_way: Callable[[], Collection[ObjectRef[Any]]],
        timeout_s: float | None = None,
    ) -> float | None:
        """Waits while something is under way, and gives the CPUs of the task to others meanwhile.

        Returns at once outside of tasks; the caller waits for the rest in its own way.

        Args:
            is_true: What to wait for.
            under_way: The refs without which it cannot come true; called with `changed` held.
            timeout_s: How long to wait.

        Returns:
            How much of `timeout_s` is left.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        left_s = timeout_s
        while not is_true() and _is_in_task() and left_s != 0:
            with self.changed:
                refs = list(under_way())
            if not refs:
                break
            ready, _ = aktis.wait(refs, timeout=left_s)
            with self.changed:
                # The ref is there before the thread that is told of it has done its part.
                self.changed.wait_for(lambda: not ready or ready[0] not in under_way(), left_s)  # noqa: B023
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        return left_s


def _session_name() -> str:
    return aktis.get_runtime_context().get_session_name()


def _is_in_task() -> bool:
    """Whether the caller holds what others may need while it waits."""
    return aktis.is_initialized() and bool(aktis.get_runtime_context().get_assigned_resources())
