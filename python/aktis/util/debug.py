"""What is worth saying once: keys that were met before.

Owns the memory of keys in this process. Does not own logs.
"""

from __future__ import annotations

import threading
import time

# How long `log_once` stays silent about a key where it speaks again from time to time.
PERIOD_S = 60.0


class _Keys:
    """The keys that were met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: set[str] = set()
        self._last_s = 0.0
        self.silent = False
        self.periodic = False

    def meet(self, key: str) -> bool:
        """Whether the key is new, and worth a line."""
        with self._lock:
            now_s = time.monotonic()
            if self.periodic and now_s - self._last_s > PERIOD_S:
                self._met.clear()
            if self.silent or key in self._met:
                return False
            self._met.add(key)
            self._last_s = now_s
            return True

    def forget(self, key: str | None) -> None:
        """Knows nothing of a key any more, or of any."""
        with self._lock:
            if key is None:
                self._met.clear()
            else:
                self._met.discard(key)


def log_once(key: str) -> bool:
    """Tells whether this process meets the key for the first time.

    A line worth saying once is logged behind `if log_once("the line"):`.
    """
    return _keys.meet(key)


def reset_log_once(key: str | None = None) -> None:
    """Has `log_once` be true again, for a key or for all."""
    _keys.forget(key)


def disable_log_once_globally() -> None:
    """From now on `log_once` is always false in this process."""
    _keys.silent = True


def enable_periodic_logging() -> None:
    """From now on `log_once` forgets what it met, after a minute without anything new."""
    _keys.periodic = True


_keys = _Keys()
