"""How many calls are under way at once: few long ones, many short ones.

Owns the measure. Does not own the calls; the lock of whoever sends them covers it.
"""

from __future__ import annotations

import time

# How much of the cluster's time is sent ahead, so that no worker waits for the next call.
AHEAD_S = 0.01
AHEAD_CALLS_MAX = 4_096
# How long the speed of the cluster is measured before it is believed.
MEASURE_S = 0.002
# How long it is believed once nothing is under way: what comes next may be longer.
BELIEVED_S = 0.1


class Pace:
    """The limit for what is under way, by the speed at which calls end.

    Attributes:
        limit: How many may be under way.
    """

    def __init__(self, at_once: int, *, may_run_ahead: bool) -> None:
        """Begins with as many as run at once, which is the least."""
        self.limit = at_once
        self._at_once = at_once
        self._may_run_ahead = may_run_ahead
        self._ended = 0
        self._since = time.perf_counter()

    def room(self, sent: int) -> int:
        """How many more to send, if so many are under way: none, or enough to be worth a burst."""
        if not sent and time.perf_counter() - self._since > BELIEVED_S:
            self.limit = self._at_once
        room = self.limit - sent
        return room if room * 2 >= self.limit else max(0, self._at_once - sent)

    def count_one(self) -> None:
        """Notes that a call ended."""
        self._ended += 1
        now = time.perf_counter()
        measured_s = now - self._since
        if self._may_run_ahead and measured_s >= MEASURE_S:
            ahead = int(self._ended / measured_s * AHEAD_S)
            self.limit = max(self._at_once, min(ahead, AHEAD_CALLS_MAX))
            self._ended, self._since = 0, now
