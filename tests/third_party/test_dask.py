"""Dask: collections, and tests of its own, with the scheduler that Ray gave it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
# Looks whether an object of this process comes back as the very same one.
WITHIN_ONE_PROCESS = "test_traverse_false"


@pytest.mark.usefixtures("cluster")
def test_an_array_is_what_numpy_computes() -> None:
    import dask.array as da
    from ray.util.dask import ray_dask_get

    values = np.arange(40_000.0).reshape(200, 200)
    blocks = da.from_array(values, chunks=(50, 50))

    found = (blocks @ blocks.T - blocks.mean(axis=0)).std().compute(scheduler=ray_dask_get)

    np.testing.assert_allclose(found, (values @ values.T - values.mean(axis=0)).std())


@pytest.mark.usefixtures("cluster")
def test_a_bag_counts_words(tables: Path) -> None:
    import dask.bag as db
    from ray.util.dask import ray_dask_get

    text = tables.parent / "descr" / "iris.rst"
    words = db.read_text(text, blocksize=500).str.split().flatten()

    found = dict(words.frequencies().compute(scheduler=ray_dask_get))

    split = text.read_text().split()
    assert found == {word: split.count(word) for word in set(split)}


@pytest.mark.usefixtures("cluster")
def test_a_frame_is_what_pandas_computes(tables: Path) -> None:
    import dask.dataframe as dd
    from ray.util.dask import enable_dask_on_ray

    names = [*(f"measure{number}" for number in range(13)), "kind"]
    frame = pd.read_csv(tables / "wine_data.csv", skiprows=1, header=None, names=names)
    parts = dd.from_pandas(frame, npartitions=4)

    with enable_dask_on_ray():
        means = parts.groupby("kind").mean().compute()
        merged = parts.merge(parts[["kind", "measure0"]].drop_duplicates("kind"), on="kind")
        by_measure = parts.set_index("measure0").measure1.compute()
        length = len(merged)

    pd.testing.assert_frame_equal(means, frame.groupby("kind").mean())
    assert length == len(frame)
    assert sorted(by_measure.items()) == sorted(zip(frame.measure0, frame.measure1, strict=True))


@pytest.mark.usefixtures("cluster")
def test_it_runs_within_a_task() -> None:
    import ray

    @ray.remote
    def sum_there() -> float:
        import dask.array as da
        from ray.util.dask import ray_dask_get

        return float(da.ones((100, 100), chunks=25).sum().compute(scheduler=ray_dask_get))

    assert ray.get(sum_there.remote()) == 10_000.0


def test_its_own_tests_of_delayed_calls_pass(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path)]
    command += ["-p", "tests.third_party.dask_on_cluster", "-p", "no:cacheprovider"]
    command += ["--pyargs", "dask.tests.test_delayed", "-k", f"not {WITHIN_ONE_PROCESS}"]

    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout[-5000:]
    # All of them, and not a handful that were found.
    assert int(ended.stdout.rpartition("\n")[0].rpartition(" passed")[0].split()[-1]) > 50
