"""`multiprocessing.Pool` with its whole interface, on actors of the cluster.

Owns the arguments of the interface and how input is cut into jobs. Does not own the processes
(`processes`), nor what is returned at once (`results`).
"""

from __future__ import annotations

import itertools
import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import aktis
from aktis import settings
from aktis.util.multiprocessing.processes import Form, Job, Processes
from aktis.util.multiprocessing.results import AsyncResult, IMapIterator, UnorderedIMapIterator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    Callback = Callable[[Any], object]

# Into how many jobs a process' share of a map is cut, unless the caller says.
JOBS_PER_PROCESS = 4
LOCAL = "local"


class Pool:
    """Processes that calls are spread over, as `multiprocessing.Pool` describes them.

    They are actors, with one job at a time each. What a call raises is raised here as the same
    type. A process that dies is replaced, and the calls that it had fail; those of a pool that was
    terminated fail as well.

    Args:
        processes: How many; None is one for each CPU of the cluster.
        initializer: What each process calls first.
        initargs: Its arguments.
        maxtasksperchild: After how many jobs a process is replaced; a chunk is one job.
        context: Without effect: processes are the cluster's.
        ray_address: Where to attach if there is no session yet, as for `init`.
        ray_remote_args: Options of the actors, such as `num_cpus`.

    Raises:
        ValueError: an amount is not positive, the cluster has fewer CPUs than `processes`, or an
            option is not known.
    """

    def __init__(  # noqa: PLR0917 - the standard library's signature
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: object = None,
        ray_address: str | None = None,
        ray_remote_args: Mapping[str, Any] | None = None,
    ) -> None:
        if context is not None:
            message = "context= is without effect: the processes of the pool are the cluster's"
            warnings.warn(message, UserWarning, stacklevel=2)
        if initializer is not None and not callable(initializer):
            message = f"initializer must be a function, not {initializer!r}"
            raise TypeError(message)
        if maxtasksperchild is not None:
            _check_positive("maxtasksperchild", maxtasksperchild)
        self._count = _checked_count(processes, ray_address)
        self._processes = Processes(
            self._count,
            initializer=initializer,
            initargs=tuple(initargs or ()),
            jobs_max=maxtasksperchild,
            options=ray_remote_args or {},
        )

    def apply(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls `func(*args, **kwds)` in a process and returns the result."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(  # noqa: PLR0917 - the standard library's signature
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """Calls `func(*args, **kwds)` in a process; returns at once.

        Args:
            func: What is called.
            args: Its positional arguments.
            kwds: Its named arguments.
            callback: Is called with the result, in a thread that must not wait.
            error_callback: Is called with the error instead, if there is one.
        """
        self._processes.check_running()
        result = AsyncResult(
            self._processes,
            jobs=1,
            is_single=True,
            callback=callback,
            error_callback=error_callback,
        )
        call = (tuple(args or ()), dict(kwds or {}))
        self._processes.add([Job(func, "call", call, partial(result.settle, 0))])
        return result

    def map(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
    ) -> list[Any]:
        """Returns the results of `func` for all items, in their order."""
        result: list[Any] = self.map_async(func, iterable, chunksize).get()
        return result

    def map_async(  # noqa: PLR0917 - the standard library's signature
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """Does what `map` does, but returns at once; the callbacks are as for `apply_async`."""
        items = list(iterable)
        return self._map(func, "map", items, chunksize, callbacks=(callback, error_callback))

    def starmap(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
    ) -> list[Any]:
        """Returns the results of `func(*item)` for all items, in their order."""
        result: list[Any] = self.starmap_async(func, iterable, chunksize).get()
        return result

    def starmap_async(  # noqa: PLR0917 - the standard library's signature
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """Does what `starmap` does, but returns at once; the callbacks are as for `apply_async`."""
        items = [tuple(item) for item in iterable]
        return self._map(func, "starmap", items, chunksize, callbacks=(callback, error_callback))

    def imap(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1
    ) -> IMapIterator:
        """Yields the results of `func` for the items, in their order.

        The items are taken as processes become idle, in a thread of its own.
        """
        return self._imap(IMapIterator(self._processes), func, iterable, chunksize)

    def imap_unordered(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1
    ) -> IMapIterator:
        """Yields the results of `func` for the items, as they come."""
        return self._imap(UnorderedIMapIterator(self._processes), func, iterable, chunksize)

    def close(self) -> None:
        """Takes no more work; what was given is done."""
        self._processes.close()

    def terminate(self) -> None:
        """Ends the processes at once; calls that have not ended fail with `RuntimeError`."""
        self._processes.terminate("the pool was terminated before the call ended")

    def join(self) -> None:
        """Waits until all work is done and the processes have ended.

        Raises:
            ValueError: the pool was neither closed nor terminated.
        """
        self._processes.join()

    def __enter__(self) -> Self:
        self._processes.check_running()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.terminate()

    def __reduce__(self) -> NoReturn:
        message = "a pool cannot be sent to another process; make one there"
        raise NotImplementedError(message)

    def _map(
        self,
        func: Callable[..., Any],
        form: Form,
        items: list[Any],
        chunksize: int | None,
        *,
        callbacks: tuple[Callback | None, Callback | None],
    ) -> AsyncResult:
        self._processes.check_running()
        if chunksize is None:
            chunksize = max(1, -(-len(items) // (self._count * JOBS_PER_PROCESS)))
        _check_positive("chunksize", chunksize)
        chunks = list(_chunks(items, chunksize))
        callback, error_callback = callbacks
        result = AsyncResult(
            self._processes,
            jobs=len(chunks),
            is_single=False,
            callback=callback,
            error_callback=error_callback,
        )
        packed = self._processes.packer.pack_for_many(func) if chunks else func
        self._processes.add(
            [
                Job(packed, form, chunk, partial(result.settle, turn))
                for turn, chunk in enumerate(chunks)
            ]
        )
        return result

    def _imap(
        self,
        results: IMapIterator,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int,
    ) -> IMapIterator:
        self._processes.check_running()
        _check_positive("chunksize", chunksize)
        packed = self._processes.packer.pack_for_many(func)
        chunks = enumerate(_chunks(iterable, chunksize))
        self._processes.begin_feeding()
        jobs = (Job(packed, "map", chunk, partial(results.settle, turn)) for turn, chunk in chunks)
        feeder = threading.Thread(
            target=_feed, args=(self._processes, results, jobs), name="aktis-imap", daemon=True
        )
        feeder.start()
        return results


def _feed(processes: Processes, results: IMapIterator, jobs: Iterator[Job]) -> None:
    """Gives the jobs to the processes, as these have room for them."""
    fed = 0
    try:
        for job in jobs:
            if not processes.feed(job):
                message = "the pool was terminated before the call ended"
                results.settle(fed, None, RuntimeError(message))
                fed += 1
                break
            fed += 1
    except Exception as error:  # noqa: BLE001 - it belongs to who takes the results
        results.settle(fed, None, error)
        fed += 1
    finally:
        results.end_after(fed)
        processes.end_feeding()


def _checked_count(processes: int | None, address: str | None) -> int:
    if processes is not None:
        _check_positive("processes", processes)
    if not aktis.is_initialized():
        attaches = settings.read(settings.ADDRESS) if address is None else address != LOCAL
        aktis.init(address=address, num_cpus=None if attaches else processes)
    cpus = int(aktis.cluster_resources().get("CPU", 0))
    if processes is not None and processes > cpus:
        message = (
            f"a pool of {processes} processes needs as many CPUs, but the cluster has {cpus}; ask "
            f"for fewer, or say init(num_cpus={processes}) before"
        )
        raise ValueError(message)
    return processes or max(1, cpus)


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        message = f"{name} must be 1 or more, not {value}"
        raise ValueError(message)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
