"""Futures and callbacks of refs and streams, for event loops and for threads.

Owns who is told where: on the loop that awaits, or on one thread for whoever has no loop. Does not
own the wait itself (Rust), which tells once of all that came.
"""

from __future__ import annotations

import itertools
import os
import select
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from aktis._kernel.session import require
from aktis.exceptions import AktisError

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures

    from aktis import _core

# Something to read from a bell that was rung.
BELL_BYTES = 8

# Takes the content of an object once it is there; a stream has none. Both take the session's end.
Settle = Callable[["_core.Arrival | End | None"], None]


def wait_for(ref: _core.ObjectRef[Any]) -> asyncio.Future[Any]:
    """A future of the running event loop that gets the ref's value or error."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(arrival: _core.Arrival | End | None) -> None:
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

    def settle(ended: _core.Arrival | End | None) -> None:
        if future.done():
            return
        if ended is None:
            future.set_result(None)
        else:
            _settle(ended, future.set_result, future.set_exception)

    _channel_of(loop).watch_stream(stream, settle)
    return future


def serve(loop: asyncio.AbstractEventLoop, channel: Channel) -> None:
    """Notes that the engine itself tells this loop of what it watches."""
    _channels[loop] = channel


def future_of(ref: _core.ObjectRef[Any]) -> concurrent.futures.Future[Any]:
    """A future for threads that gets the ref's value or error. Cancelling it cancels no task."""
    import concurrent.futures

    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def settle(arrival: _core.Arrival | End | None) -> None:
        if arrival is not None and future.set_running_or_notify_cancel():
            _settle(arrival, future.set_result, future.set_exception)

    _watch_in_thread(ref, settle)
    return future


def call_back(ref: _core.ObjectRef[Any], callback: Callable[[Any], object]) -> None:
    """Calls `callback` with the ref's value or error once it is there, from another thread."""

    def settle(arrival: _core.Arrival | End | None) -> None:
        if arrival is not None:
            _settle(arrival, callback, callback)

    _watch_in_thread(ref, settle)


def _settle(
    arrival: _core.Arrival | End,
    give: Callable[[Any], object],
    give_error: Callable[[BaseException], object],
) -> None:
    try:
        value = arrival.value()
    except BaseException as error:  # noqa: BLE001 - it belongs to who waits
        give_error(error)
    else:
        give(value)


class End:
    """Comes in place of a content once the engine ended."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def value(self) -> NoReturn:
        """Raises the end."""
        raise self._error


class Channel:
    """Those who wait for what one channel is told of, by the number of what they watch."""

    def __init__(self, engine: _core.Engine, channel: _core.Channel) -> None:
        self.engine = engine
        self._channel = channel
        self._numbers = itertools.count()
        self._waiting: dict[int, Settle] = {}

    def watch(self, ref: _core.ObjectRef[Any], settle: Settle) -> None:
        """Has `settle` called once the object is there."""
        self._channel.watch(ref, self._note(settle))

    def watch_stream(self, stream: _core.ObjectRef[Any], settle: Settle) -> None:
        """Has `settle` called once the next item is there, or the end of the stream."""
        self._channel.watch_stream(stream, self._note(settle))

    def tell(self, told: Sequence[tuple[int, _core.Arrival | None]]) -> None:
        """Hands what came to those who wait for it."""
        for number, arrival in told:
            _call(self._waiting.pop(number), arrival)

    def take(self) -> bool:
        """Tells of all that came, or everybody of the end; whether more may come."""
        try:
            told = self._channel.take()
        except (AktisError, RuntimeError) as error:
            while self._waiting:
                _call(self._waiting.popitem()[1], End(error))
            return False
        self.tell(told)
        return True

    def _note(self, settle: Settle) -> int:
        number = next(self._numbers)
        self._waiting[number] = settle
        return number


class _LoopChannel(Channel):
    """Where an event loop of the user's is told: a descriptor that it reads.

    Knows nothing of the loop, so that it goes with it.
    """

    def __init__(self, engine: _core.Engine) -> None:
        channel, self.descriptor = engine.open_channel(eager=True)
        super().__init__(engine, channel)
        self._flushes = False

    def watch(self, ref: _core.ObjectRef[Any], settle: Settle) -> None:
        super().watch(ref, settle)
        self._flush_soon()

    def watch_stream(self, stream: _core.ObjectRef[Any], settle: Settle) -> None:
        super().watch_stream(stream, settle)
        self._flush_soon()

    def take(self) -> bool:
        os.read(self.descriptor, BELL_BYTES)
        return super().take()

    def _flush_soon(self) -> None:
        """Sends what the loop asked for, once for all that it has to do now."""
        import asyncio

        if not self._flushes:
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        self.engine.flush()


def _call(settle: Settle, arrival: _core.Arrival | End | None) -> None:
    try:
        settle(arrival)
    except Exception:  # noqa: BLE001 - it belongs to who waits
        import sys

        sys.excepthook(*sys.exc_info())


def _channel_of(loop: asyncio.AbstractEventLoop) -> Channel:
    """Where this loop is told."""
    known = _channels.get(loop)
    engine = require().engine
    if known is not None and known.engine == engine:
        return known
    if isinstance(known, _LoopChannel):
        loop.remove_reader(known.descriptor)
    opened = _LoopChannel(engine)
    loop.add_reader(opened.descriptor, opened.take)
    _channels[loop] = opened
    return opened


def _watch_in_thread(ref: _core.ObjectRef[Any], settle: Settle) -> None:
    engine = require().engine
    with _lock:
        if not any(known.engine == engine and thread.is_alive() for known, thread in _threads):
            opened, descriptor = engine.open_channel(eager=False)
            channel = Channel(engine, opened)
            thread = threading.Thread(
                target=_deliver, args=(channel, descriptor), name="aktis-completions", daemon=True
            )
            _threads[:] = [(channel, thread)]
            thread.start()
        channel, _ = _threads[-1]
    channel.watch(ref, settle)
    # Whoever waits for the future does so outside the engine.
    engine.flush()


def _deliver(channel: Channel, descriptor: int) -> None:
    """Hands arrivals to those who wait, until the engine ends and all of them have heard so."""
    bell = select.poll()
    bell.register(descriptor, select.POLLIN)
    goes_on = True
    while goes_on:
        bell.poll()
        os.read(descriptor, BELL_BYTES)
        goes_on = channel.take()


# The channels of event loops.
_channels: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Channel] = (
    weakref.WeakKeyDictionary()
)
# The thread of the engine in use, and where it is told; at most one.
_threads: list[tuple[Channel, threading.Thread]] = []
_lock = threading.Lock()
