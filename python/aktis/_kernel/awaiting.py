"""Futures and callbacks of refs and streams, for event loops and for threads.

Owns who is told where: on the loop that awaits, or on one thread for whoever has no loop. Does not
own the wait itself (Rust), which tells once of all that came.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis._kernel.session import require

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures

# Something to read from a bell that was rung.
BELL_BYTES = 8

# Takes the content of an object once it is there; a stream has none. Both take the session's end.
Settle = Callable[["_core.Arrival | None"], None]


def wait_for(ref: _core.ObjectRef[Any]) -> asyncio.Future[Any]:
    """A future of the running event loop that gets the ref's value or error."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(arrival: _core.Arrival | None) -> None:
        if arrival is not None and not future.done():
            _settle(arrival, future.set_result, future.set_exception)

    here = ref.arrival()
    if here is None:
        _channel_of(loop).watch(ref, settle)
    else:
        settle(here)
    return future


def next_of(stream: _core.ObjectRef[Any]) -> asyncio.Future[None]:
    """A future of the running event loop: done once the next item of a stream, or its end, came."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def settle(ended: _core.Arrival | None) -> None:
        if future.done():
            return
        if ended is None:
            future.set_result(None)
        else:
            _settle(ended, future.set_result, future.set_exception)

    _channel_of(loop).watch_stream(stream, settle)
    return future


def serve(loop: asyncio.AbstractEventLoop, channel: _core.Channel) -> None:
    """Notes that the engine itself tells this loop of what it watches."""
    _channels[loop] = channel


def future_of(ref: _core.ObjectRef[Any]) -> concurrent.futures.Future[Any]:
    """A future for threads that gets the ref's value or error. Cancelling it cancels no task."""
    import concurrent.futures

    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def settle(arrival: _core.Arrival | None) -> None:
        if arrival is not None and future.set_running_or_notify_cancel():
            _settle(arrival, future.set_result, future.set_exception)

    _watch_in_thread(ref, settle)
    return future


def call_back(ref: _core.ObjectRef[Any], callback: Callable[[Any], object]) -> None:
    """Calls `callback` with the ref's value or error once it is there, from another thread."""

    def settle(arrival: _core.Arrival | None) -> None:
        if arrival is not None:
            _settle(arrival, callback, callback)

    _watch_in_thread(ref, settle)


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


def settle_all(told: Sequence[tuple[Settle, _core.Arrival | None]]) -> None:
    """Hands what came to those who wait for it."""
    for settle, arrival in told:
        try:
            settle(arrival)
        except Exception:  # noqa: BLE001 - it belongs to who waits
            import sys

            sys.excepthook(*sys.exc_info())


class _LoopChannel:
    """Where an event loop of the user's is told: a descriptor that it reads.

    Knows nothing of the loop, so that it goes with it.
    """

    def __init__(self, engine: _core.Engine) -> None:
        self.engine = engine
        self.channel = engine.open_channel()
        self._flushes = False

    def watch(self, ref: _core.ObjectRef[Any], settle: Settle) -> None:
        """Has the object told of on the running loop."""
        self.channel.watch(ref, settle)
        self._flush_soon()

    def watch_stream(self, stream: _core.ObjectRef[Any], settle: Settle) -> None:
        """Has the next item told of on the running loop."""
        self.channel.watch_stream(stream, settle)
        self._flush_soon()

    def take(self) -> None:
        """Tells who waits of all that came."""
        os.read(self.channel.descriptor, BELL_BYTES)
        settle_all(self.channel.take())

    def _flush_soon(self) -> None:
        """Sends what the loop asked for, once for all that it has to do now."""
        import asyncio

        if not self._flushes:
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        self.engine.flush()


def _channel_of(loop: asyncio.AbstractEventLoop) -> _core.Channel | _LoopChannel:
    """Where this loop is told."""
    known = _channels.get(loop)
    engine = require().engine
    if isinstance(known, _core.Channel) or (known is not None and known.engine == engine):
        return known
    if known is not None:
        loop.remove_reader(known.channel.descriptor)
    opened = _LoopChannel(engine)
    loop.add_reader(opened.channel.descriptor, opened.take)
    _channels[loop] = opened
    return opened


def _watch_in_thread(ref: _core.ObjectRef[Any], settle: Settle) -> None:
    engine = require().engine
    with _lock:
        if not any(known == engine and thread.is_alive() for known, thread in _threads):
            thread = threading.Thread(
                target=_deliver, args=(engine,), name="aktis-completions", daemon=True
            )
            _threads[:] = [(engine, thread)]
            thread.start()
    engine.threads_channel().watch(ref, settle)
    # Whoever waits for the future does so outside the engine.
    engine.flush()


def _deliver(engine: _core.Engine) -> None:
    """Hands arrivals to those who wait, until the engine ends and all of them have heard so."""
    channel = engine.threads_channel()
    while (told := channel.wait()) is not None:
        settle_all(told)


# The channels of event loops.
_channels: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _core.Channel | _LoopChannel] = (
    weakref.WeakKeyDictionary()
)
# The thread of the engine in use; at most one.
_threads: list[tuple[_core.Engine, threading.Thread]] = []
_lock = threading.Lock()
