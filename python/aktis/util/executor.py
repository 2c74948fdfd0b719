"""An executor as the standard library means it: any library that takes one runs on the cluster.

Owns which calls are sent and which still wait here, and the futures. Does not own how functions
travel (`aktis.util.carried_functions`), nor where calls run (the engine).

A call that was not sent can be cancelled; one that was counts as running. So few are sent ahead:
as many as run at once, or, where calls are short, what the cluster does in a moment.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import itertools
import uuid
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import aktis
from aktis.util.carried_functions import Packed, Packer, outcome, returned, unpacked
from aktis.util.pace import Pace
from aktis.util.session_wait import SessionWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


class Executor(concurrent.futures.Executor):
    """Runs calls as tasks: `submit`, `map` and `shutdown` as `concurrent.futures` describes them.

    What a call raises is raised by its future as the same type. A call whose worker died is tried
    again, as tasks are; with `max_retries=0` it runs once at most, and short calls take longer,
    since each waits for the one ahead of it. An argument that is a ref arrives as its value.

    Args:
        max_workers: How many calls run at once at most; None is one for each CPU of the cluster.
        initializer: What each worker process calls before its first call from here.
        initargs: Its arguments.
        **options: Options of the tasks, such as `num_cpus`, `max_retries` or `runtime_env`.

    Raises:
        ValueError: `max_workers` is not positive, or an option is not known.
        TypeError: `initializer` cannot be called.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **options: Any,
    ) -> None:
        _check(max_workers, initializer)
        self._session = SessionWait()
        self._changed = self._session.changed
        cpus = max(1, int(aktis.cluster_resources().get("CPU", 1)))
        self._max_workers = max_workers or cpus
        self._packer = Packer()
        self._call: Any = _remote_call(initializer, initargs, options)
        is_limited_here = max_workers is not None and (max_workers < cpus or "num_cpus" in options)
        self._pace = Pace(self._max_workers, may_run_ahead=not is_limited_here)
        self._waiting: deque[_Call] = deque()
        self._sent: dict[_Future, aktis.ObjectRef[Any]] = {}
        self._is_shut_down = False
        self._at_exit = partial(_shut_down, weakref.ref(self))
        # What was submitted is finished before the session ends, as the standard library has it.
        atexit.register(self._at_exit)

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Has `fn(*args, **kwargs)` run in a worker; returns its future at once.

        What cannot be pickled is the error of the future.

        Raises:
            RuntimeError: the executor is shut down, or its session has ended.
        """
        return self._submit(fn, args, kwargs)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **more: Any,
    ) -> Iterator[T]:
        """Yields `fn` of the items of the iterables, in their order.

        Args:
            fn: What is called; it is pickled once.
            *iterables: Where its arguments come from; the shortest ends it.
            timeout: How many seconds all results together may take, from now.
            chunksize: How many calls travel together.
            **more: What later versions of the standard library have, as `buffersize`.

        Raises:
            TimeoutError: the time is over.
            ValueError: `chunksize` is not positive.
        """
        if chunksize < 1:
            message = f"chunksize must be 1 or more, not {chunksize}"
            raise ValueError(message)
        if chunksize == 1:
            packed: Any = self._packer.pack_for_many(fn)
            return super().map(packed, *iterables, timeout=timeout, **more)
        packed = self._packer.pack_for_many(partial(_run_chunk, fn))
        chunks = _chunks(zip(*iterables, strict=False), chunksize)
        found: Any = super().map(packed, chunks, timeout=timeout, **more)
        return itertools.chain.from_iterable(found)

    def shutdown(
        self,
        wait: bool = True,  # noqa: FBT001, FBT002 - the standard library's signature
        *,
        cancel_futures: bool = False,
    ) -> None:
        """Takes no more calls; those submitted are run still. Harmless if repeated.

        Args:
            wait: Whether to return only once they have ended.
            cancel_futures: Whether to cancel those that were not sent to a worker.
        """
        dropped: list[_Call] = []
        with self._changed:
            self._is_shut_down = True
            if cancel_futures:
                dropped.extend(self._waiting)
                self._waiting.clear()
        for call in dropped:
            call.future.cancel()
            # Only this tells whoever waits for several futures at once.
            call.future.set_running_or_notify_cancel()
        if self._session.is_over():
            self._give_up()
        if wait:
            self._session.lend(self._is_idle, self._sent.values)
            with self._changed:
                self._changed.wait_for(self._is_idle)
            atexit.unregister(self._at_exit)

    def terminate_workers(self) -> None:
        """Shuts down at once: what waits is cancelled, and workers that run calls are ended.

        The futures of those calls get `TaskCancelledError`.
        """
        self.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            sent = list(self._sent.values())
        for ref in sent:
            aktis.cancel(ref, force=True)

    def wait_in_task(self, future: _Future, timeout_s: float | None) -> float | None:
        """Returns once the future is nearly done or the time is over; at once in a driver.

        A task that waits here gives its CPUs to others meanwhile. Without the session in which
        calls were sent none of them can end, so they fail.

        Returns:
            How much of the time is left.
        """
        if future.done():
            return timeout_s
        if self._session.is_over():
            self._give_up()
        return self._session.lend(future.done, self._sent.values, timeout_s)

    def _submit(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Future:
        future = _Future(self)
        is_over = self._session.is_over()
        with self._changed:
            if self._is_shut_down or is_over:
                why = "its session has ended" if is_over else "it is shut down"
                message = f"this executor takes no calls any more: {why}"
                raise RuntimeError(message)
            self._waiting.append(_Call(future, function, args, kwargs))
            failed = self._send()
        _fail(failed)
        return future

    def _send(self) -> list[tuple[_Future, Exception]]:
        """Sends what may be sent, and returns what could not be; the lock is held."""
        failed: list[tuple[_Future, Exception]] = []
        sent: list[tuple[_Future, aktis.ObjectRef[Any]]] = []
        room = self._pace.room(len(self._sent))
        while self._waiting and len(sent) < room:
            future, function, args, kwargs = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                packed = function if type(function) is Packed else self._packer.pack(function)
                ref = self._call.remote(*packed, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - it belongs to who waits for the future
                failed.append((future, error))
                continue
            sent.append((future, ref))
        self._sent.update(sent)
        for future, ref in sent:
            ref._on_completed(partial(self._settle, future))  # noqa: SLF001 - public in Ray
        return failed

    def _settle(self, future: _Future, arrived: Any) -> None:
        """Gives a future what came, and its place to another call."""
        with self._changed:
            if self._sent.pop(future, None) is None:
                return
            self._pace.count_one()
            is_over = self._session.is_over()
            failed = [] if is_over else self._send()
            self._changed.notify_all()
        value, error = outcome(arrived)
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
        _fail(failed)
        if is_over:
            self._give_up()

    def _give_up(self) -> None:
        """Fails all calls that have not ended."""
        with self._changed:
            left = [*self._sent, *(call.future for call in self._waiting)]
            self._sent.clear()
            self._waiting.clear()
            self._changed.notify_all()
        message = "the session ended before the call did; shut the executor down before the session"
        for future in left:
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(RuntimeError(message))

    def _is_idle(self) -> bool:
        return not self._sent and not self._waiting


class _Future(concurrent.futures.Future[Any]):
    """A future that a task can wait for without keeping its CPUs."""

    def __init__(self, executor: Executor) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:
        """Waits for the value and returns it, or raises what the call raised."""
        return super().result(self._executor.wait_in_task(self, timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Waits for the end of the call and returns what it raised, or None."""
        return super().exception(self._executor.wait_in_task(self, timeout))


class _Call(NamedTuple):
    """A call that was not sent yet."""

    future: _Future
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _check(max_workers: int | None, initializer: object) -> None:
    if max_workers is not None and max_workers < 1:
        message = f"max_workers must be 1 or more, not {max_workers}; None is one for each CPU"
        raise ValueError(message)
    if initializer is not None and not callable(initializer):
        message = f"initializer must be a function, not {initializer!r}"
        raise TypeError(message)


def _remote_call(
    initializer: Callable[..., object] | None, initargs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """The remote function through which all calls of one executor go."""
    key = uuid.uuid4().hex

    def run_prepared(name: str, payload: Any, /, *args: Any, **kwargs: Any) -> Any:
        _prepare(key, initializer, initargs)
        return _run(name, payload, *args, **kwargs)

    function: Any = _run if initializer is None else run_prepared
    return aktis.remote(**({"name": "Executor.submit"} | options))(function)


def _run(name: str, payload: Any, /, *args: Any, **kwargs: Any) -> Any:
    return returned(unpacked(name, payload)(*args, **kwargs))


def _prepare(
    key: str, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
) -> None:
    """Calls the initializer, once in this process."""
    if key in _prepared or initializer is None:
        return
    try:
        initializer(*initargs)
    except Exception as error:
        message = f"the initializer of the executor raised {error!r}"
        raise concurrent.futures.BrokenExecutor(message) from error
    _prepared.add(key)


# The executors for which this process is prepared.
_prepared: set[str] = set()


def _run_chunk(function: Callable[..., Any], chunk: list[tuple[Any, ...]]) -> list[Any]:
    return [function(*args) for args in chunk]


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _fail(failed: list[tuple[_Future, Exception]]) -> None:
    for future, error in failed:
        future.set_exception(error)


def _shut_down(found: weakref.ref[Executor]) -> None:
    executor = found()
    if executor is not None:
        executor.shutdown()
