"""A bar that shows how many tasks of a graph have ended.

Owns the bar and the count behind it. Does not own the hooks (`aktis.util.dask.callbacks`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import aktis
from aktis.util.dask import nested_refs
from aktis.util.dask.callbacks import RayDaskCallback

# How often the bar is drawn.
INTERVAL_S = 0.1


class ProgressBarCallback(RayDaskCallback):
    """Shows a bar on standard error while a graph runs: `with ProgressBarCallback(): x.compute()`.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """

    def __init__(self) -> None:
        self._bar_class = _bar_class()
        self._tally: Any = aktis.remote(num_cpus=0)(_Tally).remote()
        self._submitted = 0
        super().__init__(
            ray_postsubmit=self._count_submitted,
            ray_posttask=partial(_count_ended, self._tally),
            ray_postsubmit_all=self._show,
        )

    def _count_submitted(self, *_told: Any) -> None:
        self._submitted += 1

    def _show(self, results: Any, _graph: Any) -> None:
        """Draws the bar until all results are there, or errors in their place."""
        # One result may be asked for more than once.
        refs = list(dict.fromkeys(nested_refs.taken(results)[1]))
        with self._bar_class(total=self._submitted, unit="task") as bar:
            while refs:
                _, refs = aktis.wait(
                    refs, num_returns=len(refs), timeout=INTERVAL_S, fetch_local=False
                )
                bar.update(aktis.get(self._tally.ended_since.remote()))
        self._submitted = 0


class _Tally:
    """Counts the tasks that have ended."""

    def __init__(self) -> None:
        self._ended = 0

    def count_one(self) -> None:
        self._ended += 1

    def ended_since(self) -> int:
        """How many have ended since this was asked last."""
        ended, self._ended = self._ended, 0
        return ended


def _count_ended(tally: Any, *_told: Any) -> None:
    # Waits, so that a result is never there before its task is counted.
    aktis.get(tally.count_one.remote())


def _bar_class() -> Any:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        message = "ProgressBarCallback needs tqdm: pip install 'aktis[dask]'"
        raise ModuleNotFoundError(message, name=error.name) from error
    return tqdm
