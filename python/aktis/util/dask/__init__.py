"""Makes the cluster a scheduler of Dask: arrays, bags, data frames and delayed calls run on it.

Owns the public names, and what is said where Dask is missing. Does not own how a graph runs
(`aktis.util.dask.scheduler`), nor the hooks (`aktis.util.dask.callbacks`).
"""

from __future__ import annotations

try:
    import dask as _dask
except ModuleNotFoundError as error:
    message = "aktis.util.dask needs Dask: pip install 'aktis[dask]'"
    raise ModuleNotFoundError(message, name=error.name) from error

from aktis.util.dask.callbacks import RayDaskCallback
from aktis.util.dask.progress import ProgressBarCallback
from aktis.util.dask.scheduler import (
    dataframe_optimize,
    disable_dask_on_ray,
    enable_dask_on_ray,
    ray_dask_get,
    ray_dask_get_sync,
)

__all__ = [
    "ProgressBarCallback",
    "RayDaskCallback",
    "dataframe_optimize",
    "disable_dask_on_ray",
    "enable_dask_on_ray",
    "ray_dask_get",
    "ray_dask_get_sync",
]

# The first that asks its scheduler to keep what is persisted.
_OLDEST = (2026, 1)
if tuple(int(part) for part in _dask.__version__.split(".")[:2]) < _OLDEST:
    message = (
        f"aktis.util.dask needs Dask 2026.1 or later, this is {_dask.__version__}: "
        f"pip install --upgrade 'aktis[dask]'"
    )
    raise ImportError(message)
