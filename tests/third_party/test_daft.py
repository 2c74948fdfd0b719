"""Daft: queries whose plans run in actors, which stream their results, with its runner for Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="module", autouse=True)
def daft(cluster: None) -> Any:  # noqa: ARG001 - it comes first
    """Daft as a module, on the cluster; a process may choose its runner once."""
    import daft

    daft.set_runner_ray()
    return daft


@pytest.fixture(scope="module")
def wines(tables: Path) -> pd.DataFrame:
    """178 wines: thirteen measurements and a kind each."""
    names = [*(f"measure{number}" for number in range(13)), "kind"]
    return pd.read_csv(tables / "wine_data.csv", skiprows=1, header=None, names=names)


def same(found: Any, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.to_pandas(), expected, check_dtype=False)


def test_groups_are_those_of_pandas(daft: Any, wines: pd.DataFrame) -> None:
    frame = daft.from_pandas(wines).into_partitions(4)

    found = frame.groupby("kind").agg(daft.col("measure0").mean(), daft.col("measure1").sum())

    expected = wines.groupby("kind").agg({"measure0": "mean", "measure1": "sum"}).reset_index()
    same(found.sort("kind"), expected)


def test_a_join_and_a_filter_are_those_of_pandas(daft: Any, wines: pd.DataFrame) -> None:
    frame = daft.from_pandas(wines).into_partitions(4)
    kinds = pd.DataFrame({"kind": [0, 1], "name": ["first", "second"]})

    found = frame.where(daft.col("measure0") > 13).join(daft.from_pandas(kinds), on="kind")

    expected = wines[wines.measure0 > 13].merge(kinds, on="kind")
    counts = expected.groupby("name").measure0.count().reset_index()
    same(found.groupby("name").agg(daft.col("measure0").count()).sort("name"), counts)


def test_functions_of_the_user_run_in_workers(daft: Any, wines: pd.DataFrame) -> None:
    import os

    @daft.udf(return_dtype=daft.DataType.int64())
    def process(values: Any) -> list[int]:
        return [os.getpid()] * len(values)

    found = daft.from_pandas(wines).select(process(daft.col("kind"))).to_pydict()

    (processes,) = found.values()
    assert len(processes) == len(wines)
    assert os.getpid() not in processes


def test_it_runs_within_a_task(wines: pd.DataFrame) -> None:
    import ray

    @ray.remote
    def sum_there(frame: pd.DataFrame) -> pd.DataFrame:
        import daft

        daft.set_runner_ray()
        parts = daft.from_pandas(frame).into_partitions(4)
        return parts.groupby("kind").agg(daft.col("measure1").sum()).sort("kind").to_pandas()

    found = ray.get(sum_there.remote(wines))

    expected = wines.groupby("kind").agg({"measure1": "sum"}).reset_index()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
