"""What a pool returns at once: results that come later, one by one or all together.

Owns the public objects, their callbacks and timeouts. Does not own the jobs behind them
(`aktis.util.multiprocessing.processes`).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aktis.util.multiprocessing.processes import Processes

    Callback = Callable[[Any], object]


class AsyncResult:
    """The result of `apply_async`, or, as a list, that of `map_async` and `starmap_async`."""

    def __init__(
        self,
        processes: Processes,
        *,
        jobs: int,
        is_single: bool,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> None:
        """The result of so many jobs; without any it is there at once."""
        self._processes = processes
        self._is_single = is_single
        self._callback = callback
        self._error_callback = error_callback
        self._lock = threading.Lock()
        self._parts: list[list[Any]] = [[] for _ in range(jobs)]
        self._left = jobs
        self._error: BaseException | None = None
        self._is_ready = threading.Event()
        if not jobs:
            self._end()

    def get(self, timeout: float | None = None) -> Any:
        """Waits for the result and returns it, or raises what was raised first.

        Raises:
            multiprocessing.TimeoutError: it was not there in `timeout` seconds.
        """
        self.wait(timeout)
        if not self.ready():
            message = f"the result was not there within {timeout} s"
            raise multiprocessing.TimeoutError(message)
        if self._error is not None:
            raise self._error
        return self._value()

    def wait(self, timeout: float | None = None) -> None:
        """Waits until the result is there, or `timeout` seconds are over."""
        if self.ready():
            return
        self._processes.give_up_if_over()
        session = self._processes.session
        left_s = session.lend(self.ready, self._processes.under_way, timeout)
        self._is_ready.wait(left_s)

    def ready(self) -> bool:
        """Whether the calls have ended."""
        return self._is_ready.is_set()

    def successful(self) -> bool:
        """Whether they have ended without raising.

        Raises:
            ValueError: they have not ended.
        """
        if not self.ready():
            message = f"{self!r} not ready: ask ready(), or wait() for it"
            raise ValueError(message)
        return self._error is None

    def settle(self, job: int, values: list[Any] | None, error: BaseException | None) -> None:
        """Takes the outcome of one job; the last one ends the wait."""
        with self._lock:
            if error is None:
                self._parts[job] = values or []
            elif self._error is None:
                self._error = error
            self._left -= 1
            is_last = not self._left
        if is_last:
            self._end()

    def _value(self) -> Any:
        if self._is_single:
            return self._parts[0][0]
        return [value for part in self._parts for value in part]

    def _end(self) -> None:
        # A callback is done before `get` returns; one that raises must not keep it waiting.
        try:
            if self._error is not None:
                if self._error_callback is not None:
                    self._error_callback(self._error)
            elif self._callback is not None:
                self._callback(self._value())
        finally:
            self._is_ready.set()


class IMapIterator:
    """The results of `imap`, in the order of the input."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._changed = threading.Condition(threading.Lock())
        # What came, by the turn of its job.
        self._came: dict[int, tuple[list[Any], BaseException | None]] = {}
        self._jobs: int | None = None
        self._taken = 0
        self._at_hand: Iterator[Any] = iter(())

    def __iter__(self) -> IMapIterator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self, timeout: float | None = None) -> Any:
        """Waits for the next result and returns it, or raises what was raised.

        Raises:
            StopIteration: there is none.
            multiprocessing.TimeoutError: it was not there in `timeout` seconds.
        """
        with contextlib.suppress(StopIteration):
            return next(self._at_hand)
        self._wait_for_one(timeout)
        with self._changed:
            if not self._is_next_there():
                message = f"the next result was not there within {timeout} s"
                raise multiprocessing.TimeoutError(message)
            if self._taken == self._jobs:
                raise StopIteration
            values, error = self._came.pop(self._turn())
            self._taken += 1
        if error is not None:
            raise error
        self._at_hand = iter(values)
        return self.next(timeout)

    def settle(self, job: int, values: list[Any] | None, error: BaseException | None) -> None:
        """Takes the outcome of one job."""
        with self._changed:
            self._came[job] = (values or [], error)
            self._changed.notify_all()

    def end_after(self, jobs: int) -> None:
        """Notes how many jobs there are."""
        with self._changed:
            self._jobs = jobs
            self._changed.notify_all()

    def _turn(self) -> int:
        """The job whose results come next, if they are there."""
        return self._taken

    def _is_next_there(self) -> bool:
        return self._turn() in self._came or self._taken == self._jobs

    def _wait_for_one(self, timeout: float | None) -> None:
        if self._is_next_there():
            return
        self._processes.give_up_if_over()
        began = time.monotonic()
        self._processes.session.lend(self._is_next_there, self._processes.under_way, timeout)
        left_s = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        with self._changed:
            self._changed.wait_for(self._is_next_there, left_s)


class UnorderedIMapIterator(IMapIterator):
    """The results of `imap_unordered`, as they come."""

    def _turn(self) -> int:
        return next(iter(self._came), -1)
