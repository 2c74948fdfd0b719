"""The processes of a pool: actors, each with one job at a time, and the jobs that wait for them.

Owns which process is idle, when one is replaced, and how all of them end. Does not own what a job's
outcome means (`aktis.util.multiprocessing.results`), nor how input becomes jobs (`pool`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, assert_never

import aktis
from aktis.exceptions import ActorDiedError
from aktis.util.carried_functions import Packed, Packer, outcome, unpacked
from aktis.util.session_wait import SessionWait

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aktis.types import ObjectRef

# With one tuple and one dict of arguments; with each item alone; with each item as arguments.
Form = Literal["call", "map", "starmap"]
# Takes the value and the error of a job, one of which is None.
Settle = Callable[[Any, BaseException | None], None]


class Job(NamedTuple):
    """Calls that go to one process together.

    Attributes:
        function: What is called.
        form: How: once, or with each of the items.
        items: What it is called with.
        settle: Takes the results, as a list, or the error.
    """

    function: Packed | Callable[..., Any]
    form: Form
    items: Any
    settle: Settle


class Processes:
    """A fixed number of processes, and whatever they still have to do.

    A process that died is replaced; the job that it had fails.
    """

    def __init__(
        self,
        count: int,
        *,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
        jobs_max: int | None,
        options: Mapping[str, Any],
    ) -> None:
        """Starts them; `jobs_max` is how many jobs one may do before it is replaced."""
        self.session = SessionWait()
        self.packer = Packer()
        self._changed = self.session.changed
        self._count = count
        self._jobs_max = jobs_max
        self._actor_class: Any = aktis.remote(**options)(Process) if options else None
        self._actor_class = self._actor_class or aktis.remote(Process)
        self._prepare = (initializer, tuple(initargs))
        self._idle = [self._started() for _ in range(count)]
        self._working: dict[_Running, None] = {}
        self._waiting: deque[Job] = deque()
        self._feeding = 0
        self._takes_jobs = True

    def check_running(self) -> None:
        """Raises `ValueError` once the pool is closed, or its session has ended."""
        self.give_up_if_over()
        if not self._takes_jobs:
            message = "Pool not running: it was closed or terminated, and takes no more work"
            raise ValueError(message)

    def add(self, jobs: Collection[Job]) -> None:
        """Has jobs done, in their order, after those that wait."""
        with self._changed:
            self._waiting.extend(jobs)
            failed = self._send()
        _fail(failed)

    def begin_feeding(self) -> None:
        """Notes that a thread will add jobs, even if the pool is closed meanwhile."""
        with self._changed:
            self._feeding += 1

    def feed(self, job: Job) -> bool:
        """Adds a job as soon as few wait; False if the pool was terminated."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._count or not self._is_alive())
            if not self._is_alive():
                return False
            self._waiting.append(job)
            failed = self._send()
        _fail(failed)
        return True

    def end_feeding(self) -> None:
        """Notes that the thread added its last job."""
        with self._changed:
            self._feeding -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Takes no more jobs; what was added is done."""
        with self._changed:
            self._takes_jobs = False

    def terminate(self, reason: str) -> None:
        """Ends the processes at once; jobs that are not done fail with `reason`."""
        with self._changed:
            self._takes_jobs = False
            left = [running.job for running in self._working] + list(self._waiting)
            processes = self._idle + [running.process for running in self._working]
            self._count = 0
            for collection in (self._idle, self._working, self._waiting):
                collection.clear()
            self._changed.notify_all()
        if not self.session.is_over():
            for process in processes:
                aktis.kill(process.actor)
        error = RuntimeError(reason)
        _fail([(job.settle, error) for job in left])

    def join(self) -> None:
        """Waits until all jobs are done, and ends the processes.

        Raises:
            ValueError: the pool was not closed.
        """
        if self._takes_jobs:
            message = "Pool is still running: call close() or terminate() before join()"
            raise ValueError(message)
        self.give_up_if_over()
        self.session.lend(self._is_done, self.under_way)
        with self._changed:
            self._changed.wait_for(self._is_done)
            idle, self._idle = self._idle, []
        if idle:
            ends = [process.actor.__aktis_terminate__.remote() for process in idle]
            aktis.wait(ends, num_returns=len(ends))

    def give_up_if_over(self) -> None:
        """Fails all jobs if the session in which they were sent has ended."""
        if self.session.is_over():
            self.terminate("the session ended before the pool did; close and join the pool before")

    def under_way(self) -> list[ObjectRef[Any]]:
        """What the processes do at the moment; `session.changed` is held."""
        return [running.ref for running in self._working]

    def _is_alive(self) -> bool:
        return self._count > 0

    def _is_done(self) -> bool:
        return not (self._working or self._waiting or self._feeding)

    def _started(self) -> _Started:
        return _Started(self._actor_class.remote(*self._prepare))

    def _send(self) -> list[tuple[Settle, BaseException]]:
        """Gives jobs to idle processes, and returns what could not be sent; the lock is held."""
        failed: list[tuple[Settle, BaseException]] = []
        while self._idle and self._waiting:
            job = self._waiting.popleft()
            try:
                function = job.function
                packed = function if isinstance(function, Packed) else self.packer.pack(function)
                process = self._idle[-1]
                ref = process.actor.run.remote(*packed, job.form, job.items)
            except Exception as error:  # noqa: BLE001 - it belongs to who waits for the job
                failed.append((job.settle, error))
                continue
            self._idle.pop()
            running = _Running(process, job, ref)
            self._working[running] = None
            ref._on_completed(partial(self._settle, running))  # noqa: SLF001 - public in Ray
        return failed

    def _settle(self, running: _Running, arrived: Any) -> None:
        """Takes the outcome of a job, and gives its process another one."""
        value, error = outcome(arrived)
        if self.session.is_over():
            self.give_up_if_over()
            return
        with self._changed:
            if running not in self._working:
                return
            del self._working[running]
            self._idle.append(self._next_of(running.process, error))
            failed = self._send()
            self._changed.notify_all()
        running.job.settle(value, error)
        _fail(failed)

    def _next_of(self, process: _Started, error: BaseException | None) -> _Started:
        """The process that does the next job: the same one, unless it died or did its share."""
        process.jobs_done += 1
        if isinstance(error, ActorDiedError):
            return self._started()
        if self._jobs_max is not None and process.jobs_done >= self._jobs_max:
            process.actor.__aktis_terminate__.remote()
            return self._started()
        return process


class Process:
    """What runs in a process of the pool."""

    def __init__(
        self, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
    ) -> None:
        if initializer is not None:
            initializer(*initargs)

    def run(self, key: str, payload: Any, form: Form, items: Any) -> list[Any]:
        """Does the calls of a job, up to the first that raises."""
        function = unpacked(key, payload)
        match form:
            case "call":
                args, kwargs = items
                return [function(*args, **kwargs)]
            case "map":
                return [function(item) for item in items]
            case "starmap":
                return [function(*item) for item in items]
            case _:
                assert_never(form)


class _Started:
    """A process, and how many jobs it has done."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.jobs_done = 0


class _Running:
    """A job that a process has; equal only to itself."""

    def __init__(self, process: _Started, job: Job, ref: ObjectRef[Any]) -> None:
        self.process = process
        self.job = job
        self.ref = ref


def _fail(failed: list[tuple[Settle, BaseException]]) -> None:
    for settle, error in failed:
        settle(None, error)
