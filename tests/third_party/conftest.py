"""Libraries that others wrote to run on Ray, run on aktis as they are.

Owns the session that they find, and the marks of all these tests. From here on `import ray` gives
aktis, in this process and in the workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import aktis.as_ray  # noqa: F401 - the import is what counts

CPUS = 2
# The libraries take a while to be imported, here and once more in each worker.
TIMEOUT_S = 180

# Daft would tell its authors of these tests.
os.environ["DO_NOT_TRACK"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks these tests; what the libraries warn of is theirs to mend."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.third_party)
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A session of two CPUs, begun as programs for Ray begin it."""
    import ray

    ray.init(num_cpus=CPUS, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def tables() -> Path:
    """Where the tables lie that come with scikit-learn."""
    import sklearn.datasets

    return Path(sklearn.datasets.__file__).parent / "data"
