"""sktime: forecasts whose folds are tasks, with its backend for Ray."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("cluster")

FOLDS = 12


def evaluated(backend: str) -> Any:
    """What a forecast of the last years' passengers is worth, fold by fold."""
    from sktime.datasets import load_airline
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.forecasting.trend import PolynomialTrendForecaster
    from sktime.split import ExpandingWindowSplitter

    kept = {"shutdown_ray": False, "mute_warnings": True} if backend == "ray" else {}
    folds = ExpandingWindowSplitter(initial_window=72, step_length=6, fh=[1, 2, 3])
    return evaluate(
        forecaster=PolynomialTrendForecaster(degree=2),
        y=load_airline(),
        cv=folds,
        backend=backend,
        backend_params=kept,
    )


def errors(results: Any) -> list[float]:
    return list(results["test_MeanAbsolutePercentageError"])


def test_an_evaluation_finds_what_it_finds_without() -> None:
    found, expected = evaluated("ray"), evaluated("None")

    assert len(found) == FOLDS
    assert errors(found) == errors(expected)


def test_a_search_finds_the_best_parameter() -> None:
    from sktime.datasets import load_airline
    from sktime.forecasting.model_selection import ForecastingGridSearchCV
    from sktime.forecasting.trend import PolynomialTrendForecaster
    from sktime.split import ExpandingWindowSplitter

    search = ForecastingGridSearchCV(
        PolynomialTrendForecaster(),
        cv=ExpandingWindowSplitter(initial_window=96, step_length=24, fh=[1, 2, 3]),
        param_grid={"degree": [1, 2, 3]},
        backend="ray",
        backend_params={"shutdown_ray": False, "mute_warnings": True},
    )

    search.fit(load_airline())

    assert search.best_params_ == {"degree": 2}


def test_it_runs_within_a_task() -> None:
    import ray

    @ray.remote
    def evaluate_there() -> list[float]:
        return errors(evaluated("ray"))

    assert len(ray.get(evaluate_there.remote())) == FOLDS
