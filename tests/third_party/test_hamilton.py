"""Hamilton: a graph of functions, each of which is a task, with its adapter for Ray."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("cluster")


def run(adapter: Any) -> pd.DataFrame:
    """The table that the functions of a module make, by the names of their arguments."""
    from hamilton import driver

    from tests.third_party import spending

    built = driver.Builder().with_modules(spending).with_adapters(adapter).build()
    inputs = {"spend": pd.Series([10.0, 10, 20, 40, 40, 50]), "signups": pd.Series(range(1, 7))}
    return built.execute(["spend_per_signup", "rolling_spend", "spend_zero_mean"], inputs=inputs)


def test_a_graph_of_functions_gives_what_it_gives_without() -> None:
    from hamilton import base
    from hamilton.plugins.h_ray import RayGraphAdapter

    found = run(RayGraphAdapter(result_builder=base.PandasDataFrameResult()))
    expected = run(base.SimplePythonGraphAdapter(base.PandasDataFrameResult()))

    pd.testing.assert_frame_equal(found, expected)


def test_it_runs_within_a_task() -> None:
    import ray
    from hamilton import base

    @ray.remote
    def run_there() -> pd.DataFrame:
        from hamilton import base
        from hamilton.plugins.h_ray import RayGraphAdapter

        return run(RayGraphAdapter(result_builder=base.PandasDataFrameResult()))

    found = ray.get(run_there.remote())

    expected = run(base.SimplePythonGraphAdapter(base.PandasDataFrameResult()))
    pd.testing.assert_frame_equal(found, expected)
