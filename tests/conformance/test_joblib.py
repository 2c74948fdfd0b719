"""The backend of joblib: loops of joblib and searches of scikit-learn on the cluster.

Owns `aktis.util.joblib`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

import aktis
from aktis.util.joblib import register_aktis, register_ray
from tests.conformance.conftest import CPUS
from tests.conformance.waiting import Gate, Tally

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """The backend is registered, and in use."""
    register_aktis()
    with parallel_config(backend="aktis"):
        yield


def test_a_loop_returns_its_results_in_order() -> None:
    assert Parallel()(delayed(pow)(value, 2) for value in range(100)) == [
        value**2 for value in range(100)
    ]


def test_its_calls_run_in_other_processes() -> None:
    processes = set(Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(10)))

    assert os.getpid() not in processes


def test_all_cpus_of_the_cluster_are_used_unless_told() -> None:
    assert Parallel()._effective_n_jobs() == CPUS
    assert Parallel(n_jobs=-2)._effective_n_jobs() == CPUS - 1


def test_one_job_stays_in_the_process() -> None:
    assert Parallel(n_jobs=1)([delayed(os.getpid)()]) == [os.getpid()]


def test_no_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="n_jobs"):
        Parallel(n_jobs=0)([delayed(abs)(1)])


def test_results_can_be_generated_as_they_come() -> None:
    loop = Parallel(n_jobs=2, return_as="generator")

    assert list(loop(delayed(abs)(-value) for value in range(10))) == list(range(10))


def test_an_error_arrives_as_what_was_raised_and_ends_the_loop(gate: Gate, tally: Tally) -> None:
    calls = [delayed(fail)(), *(delayed(count_and_wait)(tally, gate) for _ in range(20))]

    with pytest.raises(ValueError, match="broken"):
        Parallel(n_jobs=2)(calls)

    assert tally.count() < 20
    gate.open()
    assert Parallel(n_jobs=2)(delayed(abs)(-value) for value in range(4)) == [0, 1, 2, 3]


def test_a_loop_gives_up_after_its_timeout(gate: Gate) -> None:
    with pytest.raises(multiprocessing.TimeoutError):
        Parallel(n_jobs=2, timeout=0.1)(delayed(Gate.wait)(gate) for _ in range(2))


def test_a_large_array_is_stored_once_and_read_in_place() -> None:
    table = np.ones(1_000_000)

    found = Parallel(n_jobs=2, batch_size=1)(
        delayed(describe)(table, other=table) for _ in range(4)
    )

    assert found == [(1_000_000.0, False, True)] * 4


def test_a_small_array_arrives_as_it_is() -> None:
    assert Parallel(n_jobs=2)([delayed(np.sum)(np.arange(5))] * 2) == [10, 10]


def test_loops_inside_calls_run() -> None:
    assert Parallel(n_jobs=2)(delayed(loop_inside)(count) for count in (3, 4)) == [3, 6]


def test_tasks_that_run_loops_of_their_own_do_not_wait_for_each_other() -> None:
    @aktis.remote
    def loop(count: int) -> Any:
        register_aktis()
        with parallel_config(backend="aktis", n_jobs=2):
            return sum(Parallel()(delayed(abs)(value) for value in range(count)))

    assert aktis.get([loop.remote(5) for _ in range(CPUS)]) == [10] * CPUS


def test_options_of_tasks_may_be_given() -> None:
    with parallel_config(backend="aktis", n_jobs=2, num_cpus=2):
        assert Parallel()([delayed(held_cpus)()] * 2) == [2.0, 2.0]


def test_it_is_there_under_rays_name_too() -> None:
    register_ray()

    with parallel_config(backend="ray", n_jobs=2, ray_remote_args={"num_cpus": 0.5}):
        assert Parallel()([delayed(held_cpus)()] * 2) == [0.5, 0.5]


def test_a_grid_search_of_scikit_learn_finds_what_it_finds_without() -> None:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    samples, labels = load_iris(return_X_y=True)
    grid = {"C": [0.1, 1.0, 10.0], "kernel": ["linear", "rbf"]}

    found = GridSearchCV(SVC(), grid, cv=3, n_jobs=-1).fit(samples, labels)
    with parallel_config(backend="sequential"):
        expected = GridSearchCV(SVC(), grid, cv=3).fit(samples, labels)

    assert found.best_params_ == expected.best_params_
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )


def test_without_joblib_the_error_says_what_to_install(drive: Any) -> None:
    ended = drive(
        """
        import sys

        sys.modules["joblib"] = None
        from aktis.util.joblib import register_aktis

        try:
            register_aktis()
        except ImportError as error:
            print(error)
        """
    )

    assert ended.lines == ["joblib is not installed; `pip install joblib` brings it"]


def fail() -> None:
    message = "broken"
    raise ValueError(message)


def count_and_wait(tally: Tally, gate: Gate) -> None:
    tally.add()
    gate.wait()


def describe(table: Any, other: Any) -> tuple[float, bool, bool]:
    return float(table.sum()), bool(table.flags.writeable), np.shares_memory(table, other)


def loop_inside(count: int) -> int:
    return sum(Parallel(n_jobs=2)(delayed(abs)(value) for value in range(count)))


def held_cpus() -> float:
    return aktis.get_runtime_context().get_assigned_resources()["CPU"]
