"""The backend of joblib that runs batches of calls as tasks.

Owns what joblib asks of a backend. Does not own the calls (`aktis.util.executor`), the arrays that
many of them share (`aktis.util.joblib.shared_arrays`), nor the size of batches, which joblib
measures.
"""

from __future__ import annotations

import concurrent.futures
import copy
from typing import TYPE_CHECKING, Any

from joblib._parallel_backends import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
)

import aktis
from aktis.util.executor import Executor
from aktis.util.joblib.shared_arrays import SharedArrays

if TYPE_CHECKING:
    from collections.abc import Callable


class AktisBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """Runs the batches of a `joblib.Parallel` on the cluster."""

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        **options: Any,
    ) -> None:
        """Takes options of tasks, one by one or as `ray_remote_args`."""
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._options = dict(options.pop("ray_remote_args", None) or {}) | options
        self._executor: Executor | None = None
        self._shared = SharedArrays()

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many batches run at once: negative numbers count down from all CPUs, which is -1."""
        if n_jobs == 0:
            message = "n_jobs == 0 in Parallel has no meaning; -1 is all CPUs of the cluster"
            raise ValueError(message)
        if n_jobs is None:
            return 1
        if n_jobs > 0:
            return n_jobs
        aktis.get_runtime_context()
        cpus = int(aktis.cluster_resources().get("CPU", 1))
        return max(1, cpus + 1 + n_jobs)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_others: Any) -> int:
        """Begins a use of the backend with so many batches at once."""
        count = self.effective_n_jobs(n_jobs)
        if count == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        options = self._options
        if aktis.is_initialized() and aktis.get_runtime_context().get_assigned_resources():
            # A task keeps its CPUs while joblib waits in it, so its batches must do without.
            options = {"num_cpus": 0} | options
        self._executor = Executor(count, **options)
        return count

    def submit(
        self, func: Any, callback: Callable[[Any], object] | None = None
    ) -> concurrent.futures.Future[Any]:
        """Sends a batch; `callback` gets its future once it has ended."""
        assert self._executor is not None, "joblib configures a backend before it submits"
        batch = copy.copy(func)
        batch.items = [self._shared.shared(call) for call in func.items]
        future: concurrent.futures.Future[Any] = self._executor.submit(batch)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: concurrent.futures.Future[Any]) -> Any:
        """The results of a batch that has ended, or what it raised."""
        try:
            return out.result()
        except concurrent.futures.CancelledError:
            message = "the batch was dropped, since another one failed"
            raise RuntimeError(message) from None

    def abort_everything(
        self,
        ensure_ready: bool = True,  # noqa: FBT001, FBT002 - joblib's signature
    ) -> None:
        """Drops the batches that wait, and ends the workers of those that run."""
        if self._executor is not None:
            self._executor.terminate_workers()
            self._executor = None
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def terminate(self) -> None:
        """Ends this use of the backend."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
        self._shared = SharedArrays()
        self.reset_batch_stats()
