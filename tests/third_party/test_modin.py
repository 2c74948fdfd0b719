"""Modin: frames of pandas whose parts lie in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Frames = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def modin(cluster: None) -> Iterator[Any]:  # noqa: ARG001 - it comes first
    """Modin as a module, on the cluster, with frames cut into four parts."""
    import modin.config
    import modin.pandas

    with modin.config.context(Engine="Ray", NPartitions=4):
        yield modin.pandas


def wine(engine: Any, tables: Path) -> Any:
    """178 wines: thirteen measurements and a kind each."""
    names = [f"measure{number}" for number in range(13)]
    return engine.read_csv(
        tables / "wine_data.csv", skiprows=1, header=None, names=[*names, "kind"]
    )


def grouped(engine: Any, tables: Path) -> Any:
    return wine(engine, tables).groupby("kind").agg({"measure0": "mean", "measure1": "sum"})


def applied(engine: Any, tables: Path) -> Any:
    return wine(engine, tables).apply(lambda row: row.max() - row.min(), axis=1)


def merged(engine: Any, tables: Path) -> Any:
    frame = wine(engine, tables)
    means = frame.groupby("kind").mean().add_suffix("_mean").reset_index()
    return frame.merge(means, on="kind", how="left")


def joined(engine: Any, tables: Path) -> Any:
    exercise = engine.read_csv(tables / "linnerud_exercise.csv", sep=r"\s+")
    body = engine.read_csv(tables / "linnerud_physiological.csv", sep=r"\s+")
    return exercise.join(body)


def sorted_and_clipped(engine: Any, tables: Path) -> Any:
    frame = wine(engine, tables).sort_values(["kind", "measure0", "measure1"], kind="stable")
    return frame.clip(upper=100)


def pixels(engine: Any, tables: Path) -> Any:
    digits = engine.read_csv(tables / "digits.csv.gz", header=None)
    return digits.groupby(64).mean()


def described(engine: Any, tables: Path) -> Any:
    names = ["length", "width", "petal_length", "petal_width", "kind"]
    return engine.read_csv(tables / "iris.csv", skiprows=1, names=names).describe()


@pytest.mark.parametrize(
    "program", [grouped, applied, merged, joined, sorted_and_clipped, pixels, described]
)
def test_it_gives_what_pandas_gives(
    program: Callable[[Any, Path], Any], modin: Any, tables: Path
) -> None:
    found, expected = program(modin, tables), program(pd, tables)

    compare: Any = pd.testing.assert_frame_equal
    if isinstance(expected, pd.Series):
        compare = pd.testing.assert_series_equal
    compare(found.modin.to_pandas(), expected)


def test_its_parts_lie_in_the_store(modin: Any, tables: Path) -> None:
    import ray
    from modin.distributed.dataframe.pandas import unwrap_partitions

    parts = unwrap_partitions(wine(modin, tables), axis=0)

    assert len(parts) > 1
    assert all(isinstance(part, ray.ObjectRef) for part in parts)
    assert sum(len(part) for part in ray.get(parts)) == 178


def test_it_runs_within_a_task(tables: Path) -> None:
    import ray

    @ray.remote
    def describe_there() -> pd.DataFrame:
        import modin.pandas

        return described(modin.pandas, tables).modin.to_pandas()

    found = ray.get(describe_there.remote())

    pd.testing.assert_frame_equal(found, described(pd, tables))
