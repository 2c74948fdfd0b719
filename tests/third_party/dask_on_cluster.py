"""A plugin of pytest: tests that use Dask run on the cluster, with the scheduler that Ray gave it.

Owns the session of such a run. Knows nothing of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import aktis.as_ray  # noqa: F401 - the import is what counts


@pytest.fixture(scope="session", autouse=True)
def dask_on_cluster() -> Iterator[None]:
    """Dask runs everything on two CPUs of a cluster."""
    import ray
    from ray.util.dask import enable_dask_on_ray

    ray.init(num_cpus=2, log_to_driver=False)
    with enable_dask_on_ray():
        yield
    ray.shutdown()
