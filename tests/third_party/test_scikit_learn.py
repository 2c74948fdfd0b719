"""scikit-learn: searches whose fits are tasks, by joblib's backend of the name that Ray gave it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module", autouse=True)
def backend(cluster: None) -> None:  # noqa: ARG001 - it comes first
    from ray.util.joblib import register_ray

    register_ray()


def search() -> Any:
    """A search for the best of six classifiers of written digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    samples, labels = load_digits(return_X_y=True)
    grid = {"C": [0.1, 1.0, 10.0], "gamma": [0.0001, 0.001]}
    return GridSearchCV(SVC(), grid, cv=3, n_jobs=-1).fit(samples[:600], labels[:600])


def scores(found: Any) -> Any:
    return found.cv_results_["mean_test_score"]


def test_a_grid_search_finds_what_it_finds_without() -> None:
    from joblib import parallel_config

    with parallel_config(backend="ray"):
        found = search()
    with parallel_config(backend="sequential"):
        expected = search()

    assert found.best_params_ == expected.best_params_
    np.testing.assert_array_equal(scores(found), scores(expected))


def test_a_forest_grows_the_same_trees() -> None:
    from joblib import parallel_config
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier

    samples, labels = load_wine(return_X_y=True)
    with parallel_config(backend="ray"):
        found = RandomForestClassifier(50, random_state=0, n_jobs=-1).fit(samples, labels)
    expected = RandomForestClassifier(50, random_state=0).fit(samples, labels)

    np.testing.assert_array_equal(found.feature_importances_, expected.feature_importances_)


def test_it_runs_within_a_task() -> None:
    import ray
    from joblib import parallel_config

    @ray.remote
    def search_there() -> Any:
        from ray.util.joblib import register_ray

        register_ray()
        with parallel_config(backend="ray"):
            return scores(search())

    found = ray.get(search_there.remote())
    with parallel_config(backend="sequential"):
        expected = scores(search())

    np.testing.assert_array_equal(found, expected)
