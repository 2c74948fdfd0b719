"""Programs on libraries that others wrote to run on Ray: how long each takes from call to result.

Owns those programs. Does not own the libraries (the group `third-party` of `pyproject.toml`), nor
how aktis passes for Ray (`aktis.as_ray`, imported by `row`).

Each program is run once in a new cluster, whose start counts and whose workers import the library
first, and then again.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benches.goals import TimesRay
from benches.trial import CPUS, Measure, Row, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

PARTITIONS = 8


def _timed(name: str, prepare: Callable[[Trial], Callable[[], object]], trial: Trial) -> None:
    """Times a program; what its own process imports and makes beforehand does not count."""
    # Daft would tell its authors wherever it is imported, in the workers of the cluster too.
    os.environ["DO_NOT_TRACK"] = "true"
    start = perf_counter()
    trial.init()
    init_s = perf_counter() - start
    program = prepare(trial)
    trial.record(f"{name}_first", init_s + _elapsed_s(program))
    for _ in range(trial.effort.windows):
        trial.record(name, _elapsed_s(program))


def _elapsed_s(program: Callable[[], object]) -> float:
    start = perf_counter()
    program()
    return perf_counter() - start


def modin(trial: Trial) -> Callable[[], object]:
    """Reads a table, and groups, transforms, joins and sorts it."""
    import modin.config
    import modin.pandas as frames
    import numpy as np
    import pandas as pd

    modin.config.Engine.put("ray")
    modin.config.NPartitions.put(2 * CPUS)
    count = trial.effort.table_rows
    chance = np.random.default_rng(0)
    path = Path(tempfile.gettempdir()) / "table.csv"
    columns: dict[str, Any] = {"key": chance.integers(0, 1000, count), "number": np.arange(count)}
    columns |= {f"value{number}": chance.random(count) for number in range(4)}
    pd.DataFrame(columns).to_csv(path, index=False)

    def program() -> object:
        table = frames.read_csv(path)
        means = table.groupby("key").mean().reset_index()
        table["sum"] = table[["value0", "value1", "value2", "value3"]].apply(
            np.sum, axis=1, raw=True
        )
        joined = table.merge(means, on="key", suffixes=("", "_mean"))
        return joined.sort_values("number").modin.to_pandas()

    return program


def scikit_learn(_trial: Trial) -> Callable[[], object]:
    """Searches the best of six classifiers with three folds each: 18 fits and one more."""
    from joblib import parallel_config
    from ray.util.joblib import register_ray
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    register_ray()
    samples, labels = load_digits(return_X_y=True)
    grid = {"C": [0.1, 1.0, 10.0], "gamma": [0.0001, 0.001]}

    def program() -> object:
        with parallel_config(backend="ray"):
            return GridSearchCV(SVC(), grid, cv=3, n_jobs=-1).fit(samples, labels)

    return program


def dask_array(_trial: Trial) -> Callable[[], object]:
    """Multiplies and reduces blocks: few tasks with large results."""
    import dask.array as da
    from ray.util.dask import ray_dask_get

    blocks = da.random.default_rng(0).random((3000, 3000), chunks=(750, 750))
    product = (blocks @ blocks.T - blocks.mean(axis=0)).std()
    return partial(product.compute, scheduler=ray_dask_get)


def dask_bag(trial: Trial) -> Callable[[], object]:
    """Counts the words of a text: a map and a fold over its blocks."""
    import dask.bag as db
    from ray.util.dask import ray_dask_get

    lines = (f"word{number % 997} of line {number}\n" for number in range(trial.effort.table_rows))
    path = Path(tempfile.gettempdir()) / "text.txt"
    path.write_text("".join(lines))
    block_bytes = path.stat().st_size // PARTITIONS + 1
    counts = db.read_text(path, blocksize=block_bytes).str.split().flatten().frequencies()
    return partial(counts.compute, scheduler=ray_dask_get)


def dask_frame(trial: Trial) -> Callable[[], object]:
    """Groups and sorts a table, for which rows change their partition."""
    import dask
    import dask.dataframe as dd
    import numpy as np
    import pandas as pd
    from ray.util.dask import ray_dask_get

    count = trial.effort.table_rows
    chance = np.random.default_rng(0)
    columns = {"key": chance.integers(0, 1000, count), "value": chance.random(count)}
    table = dd.from_pandas(pd.DataFrame(columns), npartitions=PARTITIONS)
    dask.config.set({"dataframe.shuffle.method": "tasks"})

    def program() -> object:
        means = table.groupby("key").value.mean().compute(scheduler=ray_dask_get)
        return means, table.set_index("key", divisions=[0, 250, 500, 750, 999]).compute(
            scheduler=ray_dask_get
        )

    return program


def dask_delayed(trial: Trial) -> Callable[[], object]:
    """Adds numbers pairwise: a tree of small tasks."""
    from ray.util.dask import ray_dask_get

    count = trial.effort.leaves
    graph: dict[str, Any] = {f"0-{number}": (abs, -number) for number in range(count)}
    level = 0
    while count > 1:
        level, count = level + 1, count // 2
        graph |= {
            f"{level}-{number}": (
                max,
                f"{level - 1}-{2 * number}",
                f"{level - 1}-{2 * number + 1}",
            )
            for number in range(count)
        }
    return partial(ray_dask_get, graph, f"{level}-0")


def daft(trial: Trial) -> Callable[[], object]:
    """Groups, joins and sorts a table with queries whose plans run in actors."""
    import daft
    import numpy as np

    daft.set_runner_ray()
    count = trial.effort.table_rows
    chance = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "key": chance.integers(0, 1000, count),
        "value": chance.random(count),
    }
    table = daft.from_pydict(columns).into_partitions(PARTITIONS).collect()

    def program() -> object:
        means = table.groupby("key").agg(daft.col("value").mean().alias("mean"))
        above = table.join(means, on="key").where(daft.col("value") > daft.col("mean"))
        return above.sort("value").to_arrow()

    return program


def sktime(_trial: Trial) -> Callable[[], object]:
    """Evaluates a forecast on seventy folds, each of which is a task."""
    from sktime.datasets import load_airline
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.forecasting.trend import PolynomialTrendForecaster
    from sktime.split import ExpandingWindowSplitter

    return partial(
        evaluate,
        forecaster=PolynomialTrendForecaster(degree=2),
        y=load_airline(),
        cv=ExpandingWindowSplitter(initial_window=72, step_length=1, fh=[1, 2, 3]),
        backend="ray",
        backend_params={"shutdown_ray": False, "mute_warnings": True},
    )


def _row(prepare: Callable[[Trial], Callable[[], object]], sketch: str) -> Row:
    name = f"library_{prepare.__name__}"
    first = "the same, a cluster started, and the library imported in each worker"
    return Row(
        name,
        partial(_timed, name, prepare),
        (
            Measure(f"{name}_first", "s", "lower", first, (TimesRay(1.0),)),
            Measure(name, "s", "lower", sketch, (TimesRay(1.0),)),
        ),
        timeout_s=300.0,
        optional=True,
        runs_libraries=True,
    )


ROWS = (
    _row(modin, "the work of pandas on two cores"),
    _row(scikit_learn, "nineteen fits on two cores"),
    _row(dask_array, "the products of 64 pairs of blocks on two cores"),
    _row(dask_bag, "splitting and counting on two cores"),
    _row(dask_frame, "the work of pandas on two cores"),
    _row(dask_delayed, "submitting the tasks one by one"),
    _row(daft, "the work of its engine on two cores"),
    _row(sktime, "seventy fits on two cores"),
)
