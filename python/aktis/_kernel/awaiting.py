"""Futures and callbacks of refs, for event loops and for threads, fed by one thread.

Owns that thread, and what becomes of a ref's value once it is there. Does not own the wait for it
(Rust), which wakes this thread once for many.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis._kernel.session import require

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures

# Takes the content once it is there.
Settle = Callable[[_core.Arrival], None]
Waiter = tuple["asyncio.AbstractEventLoop | None", Settle]


def wait_for(ref: _core.ObjectRef[Any]) -> asyncio.Future[Any]:
    """A future of the running event loop that gets the ref's value or error."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(arrival: _core.Arrival) -> None:
        if not future.done():
            _settle(arrival, future.set_result, future.set_exception)

    here = ref.arrival()
    if here is None:
        _watch(ref, (loop, settle))
    else:
        settle(here)
    return future


def future_of(ref: _core.ObjectRef[Any]) -> concurrent.futures.Future[Any]:
    """A future for threads that gets the ref's value or error. Cancelling it cancels no task."""
    import concurrent.futures

    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def settle(arrival: _core.Arrival) -> None:
        if future.set_running_or_notify_cancel():
            _settle(arrival, future.set_result, future.set_exception)

    _watch(ref, (None, settle))
    return future


def call_back(ref: _core.ObjectRef[Any], callback: Callable[[Any], object]) -> None:
    """Calls `callback` with the ref's value or error once it is there, from another thread."""

    def settle(arrival: _core.Arrival) -> None:
        _settle(arrival, callback, callback)

    _watch(ref, (None, settle))


def _settle(
    arrival: _core.Arrival,
    give: Callable[[Any], object],
    give_error: Callable[[BaseException], object],
) -> None:
    try:
        value = arrival.value()
    except BaseException as error:  # noqa: BLE001 - it belongs to who waits
        give_error(error)
    else:
        give(value)


def _watch(ref: _core.ObjectRef[Any], waiter: Waiter) -> None:
    engine = require().engine
    with _lock:
        if not any(known == engine and thread.is_alive() for known, thread in _threads):
            thread = threading.Thread(
                target=_deliver, args=(engine,), name="aktis-completions", daemon=True
            )
            _threads[:] = [(engine, thread)]
            thread.start()
    engine.watch(ref, waiter)


# The thread of the engine in use; at most one.
_threads: list[tuple[_core.Engine, threading.Thread]] = []
_lock = threading.Lock()


def _deliver(engine: _core.Engine) -> None:
    """Hands arrivals to those who wait, until the engine closes."""
    while (arrived := engine.next_completions()) is not None:
        by_loop: dict[Any, list[tuple[Settle, _core.Arrival]]] = {}
        for (loop, settle), arrival in arrived:
            by_loop.setdefault(loop, []).append((settle, arrival))
        for loop, settlements in by_loop.items():
            if loop is None:
                _settle_all(settlements)
                continue
            # A loop that was closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle_all, settlements)


def _settle_all(settlements: Sequence[tuple[Settle, _core.Arrival]]) -> None:
    for settle, arrival in settlements:
        try:
            settle(arrival)
        except Exception:  # noqa: BLE001 - it belongs to who waits
            import sys

            sys.excepthook(*sys.exc_info())
