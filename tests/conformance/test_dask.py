"""The scheduler of Dask: graphs, collections, options, and where it holds.

Owns `aktis.util.dask`, but for callbacks (`test_dask_callbacks`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask._task_spec import Task, TaskRef
from dask.highlevelgraph import HighLevelGraph

import aktis
from aktis.util.dask import (
    ProgressBarCallback,
    dataframe_optimize,
    disable_dask_on_ray,
    enable_dask_on_ray,
    ray_dask_get,
    ray_dask_get_sync,
)
from tests.conformance.dask_tasks import Refused, add, parity, refuse
from tests.conformance.waiting import Gate, Tally

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def enabled() -> Iterator[None]:
    """Dask runs everything on the cluster."""
    with enable_dask_on_ray():
        yield


# Graphs


@pytest.mark.parametrize("get", [ray_dask_get, ray_dask_get_sync])
def test_a_graph_of_tuples_gives_what_dask_gives(get: Any) -> None:
    graph = {
        "one": 1,
        "two": (add, "one", 1),
        "same": "two",
        "nested": (add, (add, "two", "one"), 10),
        "listed": (sum, ["one", "two", (add, "two", 5)]),
        ("keyed", 0): {"plain": ["two", 7]},
    }

    assert get(graph, "listed") == 10
    assert get(graph, ["same", "nested", "one"]) == [2, 13, 1]
    assert get(graph, [["two"], ["one", "nested"]]) == [(2,), (1, 13)]
    assert get(graph, ("keyed", 0)) == dask.get(graph, ("keyed", 0))


def test_a_graph_of_task_objects_runs() -> None:
    graph = {
        "one": Task("one", int, "1"),
        "sum": Task("sum", add, TaskRef("one"), right=TaskRef("one")),
    }

    assert ray_dask_get(graph, "sum") == 2


def test_a_graph_in_layers_runs_and_its_annotations_hold() -> None:
    with dask.annotate(ray_remote_args={"num_cpus": 2}):
        graph = HighLevelGraph.from_collections("cpus", {"cpus": (held_cpus,)})

    assert ray_dask_get(graph, ["cpus"]) == [2.0]


def test_a_list_of_refs_in_a_graph_arrives_as_values() -> None:
    graph = {"some": [aktis.put(1), aktis.put(2)], "all": (sum, "some")}

    assert ray_dask_get(graph, ["all", "some"]) == [3, [1, 2]]


def test_only_what_the_keys_need_is_run(tally: Tally) -> None:
    graph = {"needed": (int, "3"), "needless": (tally.add,)}

    assert ray_dask_get(graph, "needed") == 3
    assert tally.count() == 0


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="absent"):
        ray_dask_get({"present": 1}, "absent")


# Collections


@pytest.mark.usefixtures("enabled")
def test_arrays_bags_and_frames_give_what_they_give_without() -> None:
    array = da.arange(1000, chunks=100)
    bag = db.from_sequence(range(100), npartitions=4)
    frame = dd.from_pandas(pd.DataFrame({"key": np.arange(100) % 7, "value": 1.5}), npartitions=4)
    grouped = frame.groupby("key").value.sum()

    total, folded, frequencies = dask.compute(
        (array + array[::-1]).sum(), bag.fold(add), bag.map(parity).frequencies()
    )
    sums = grouped.compute()

    assert (total, folded) == (999_000, 4950)
    assert dict(frequencies) == {"even": 50, "odd": 50}
    pd.testing.assert_series_equal(sums, grouped.compute(scheduler="sync"))


@pytest.mark.usefixtures("enabled")
def test_rows_find_their_partition_without_a_disk() -> None:
    frame = pd.DataFrame({"key": np.arange(200)[::-1], "value": np.arange(200)})

    shuffled = dd.from_pandas(frame, npartitions=5).set_index("key")

    assert dask.config.get("dataframe.shuffle.method") == "tasks"
    pd.testing.assert_frame_equal(shuffled.compute(), frame.set_index("key").sort_index())


@pytest.mark.usefixtures("enabled")
def test_tasks_run_in_workers_and_get_each_other_s_results_there() -> None:
    process = dask.delayed(process_and_before)

    own, inner = process(process()).compute()

    assert os.getpid() not in {own, *inner}


@pytest.mark.usefixtures("enabled")
def test_a_large_value_is_stored_once_and_read_in_place() -> None:
    table = dask.delayed(np.ones(1_000_000))

    found = dask.compute(*(dask.delayed(describe)(table, number) for number in range(4)))

    assert found == tuple((1_000_000.0, False, number) for number in range(4))


@pytest.mark.usefixtures("enabled")
def test_a_ref_as_an_argument_arrives_as_its_value() -> None:
    ref = aktis.put(20)

    assert dask.delayed(add)(ref, 1).compute() == 21
    assert dask.delayed(sum)([ref, 1, ref]).compute() == 41


def test_a_task_may_run_graphs_of_its_own() -> None:
    @aktis.remote
    def compute_inside() -> int:
        with enable_dask_on_ray():
            total: int = da.ones(100, chunks=10).sum().compute()
        return int(total)

    assert aktis.get([compute_inside.remote() for _ in range(8)]) == [100] * 8


# Errors


@pytest.mark.usefixtures("enabled")
def test_an_error_arrives_as_what_was_raised() -> None:
    with pytest.raises(Refused, match="number 1") as caught:
        dask.delayed(add)(dask.delayed(refuse)(1), 2).compute()

    assert isinstance(caught.value, aktis.exceptions.TaskError)
    assert "in refuse" in str(caught.value)


@pytest.mark.usefixtures("enabled")
def test_an_error_in_fused_tasks_arrives_as_what_was_raised() -> None:
    blocks = da.ones(10, chunks=5).map_blocks(np.negative).map_blocks(refuse, dtype=float)

    with pytest.raises(Refused):
        blocks.sum().compute()


# What is persisted


@pytest.mark.usefixtures("enabled")
def test_what_is_persisted_stays_stored_and_is_not_made_again(tally: Tally) -> None:
    squares = db.from_sequence(range(4), npartitions=2).map(count_and_square, tally).persist()

    assert all(isinstance(part, aktis.ObjectRef) for part in squares.dask.values())
    assert squares.sum().compute() == 14
    assert squares.map(parity).compute() == ["even", "odd", "even", "odd"]
    assert tally.count() == 4


@pytest.mark.usefixtures("enabled")
def test_persist_does_not_wait(gate: Gate) -> None:
    waiting = dask.delayed(Gate.wait)(gate).persist()

    gate.open()
    assert waiting.compute() is None


@pytest.mark.usefixtures("enabled")
def test_several_collections_are_persisted_together() -> None:
    array = da.ones((20, 20), chunks=10)
    bag = db.from_sequence(range(10), npartitions=2)

    kept_array, kept_bag = dask.persist(array, bag)

    # Parts of a persisted collection are fused with what follows.
    assert (kept_array + 1).map_blocks(np.negative).sum().compute() == -800
    assert kept_bag.map(parity).frequencies().compute() == [("even", 5), ("odd", 5)]


@pytest.mark.usefixtures("enabled")
def test_a_persisted_frame_is_one_again() -> None:
    frame = dd.from_pandas(pd.DataFrame({"value": range(10)}), npartitions=2).persist()

    assert frame.value.sum().compute() == 45


def test_refs_are_returned_at_once_if_asked_for() -> None:
    ref = ray_dask_get({"sum": (add, 1, 2)}, "sum", ray_persist=True)

    assert aktis.get(ref) == 3


# Options of tasks


def test_options_of_tasks_may_be_given_for_a_run() -> None:
    task = dask.delayed(held_cpus)()

    assert task.compute(scheduler=ray_dask_get, ray_remote_args={"num_cpus": 3}) == 3.0


@pytest.mark.usefixtures("enabled")
def test_options_may_be_annotated_and_precede_those_of_the_run() -> None:
    plain = dask.delayed(held_cpus)()
    with dask.annotate(ray_remote_args={"num_cpus": 2, "resources": {"widget": 1}}):
        annotated = dask.delayed(held_cpus)()

    found = dask.compute(plain, annotated, ray_remote_args={"num_cpus": 0.5})
    with dask.annotate(ray_remote_args={"num_cpus": 4}):
        found += dask.compute(plain, annotated)

    assert found == (0.5, 2.0, 4.0, 2.0)


@pytest.mark.parametrize("give", ["keyword", "annotation"])
@pytest.mark.usefixtures("enabled")
def test_resources_in_the_wrong_place_are_refused(give: str) -> None:
    task = dask.delayed(held_cpus)()

    annotation = {"resources": {"widget": 1}} if give == "annotation" else {}
    keyword = {"resources": {"widget": 1}} if give == "keyword" else {}

    with dask.annotate(**annotation), pytest.raises(ValueError, match="belong into their options"):
        task.compute(**keyword)


@pytest.mark.usefixtures("enabled")
def test_an_option_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="'cpus' is no option of a task"):
        dask.delayed(held_cpus)().compute(ray_remote_args={"cpus": 2})


# Where it holds


def test_it_is_dask_s_own_scheduler_only_within_the_block() -> None:
    with enable_dask_on_ray(shuffle="disk"):
        assert dask.base.get_scheduler() is ray_dask_get
        assert dask.config.get("dataframe.shuffle.method") == "disk"

    assert dask.base.get_scheduler() is not ray_dask_get


def test_it_is_switched_off_again() -> None:
    enable_dask_on_ray()
    disable_dask_on_ray()

    assert dask.base.get_scheduler() is None
    assert dask.config.get("dataframe.shuffle.method") is None


def test_a_graph_made_by_hand_can_be_made_shorter() -> None:
    graph = {"one": (int, "1"), "two": (add, "one", 1), "three": (add, "two", 1), "not": (int,)}

    shorter = dataframe_optimize(graph, ["three"])

    assert len([node for node in shorter.values() if isinstance(node, Task)]) == 1
    assert ray_dask_get(shorter, "three") == 3


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        ("sys.modules['dask'] = None", "needs Dask: pip install 'aktis[dask]'"),
        (
            "import dask; dask.__version__ = '2025.12.0'",
            "needs Dask 2026.1 or later, this is 2025.12.0: pip install --upgrade 'aktis[dask]'",
        ),
    ],
)
def test_without_a_dask_that_it_can_use_the_error_says_what_to_install(
    drive: Callable[..., Any], prepare: str, sentence: str
) -> None:
    ended = drive(
        f"""
        import sys
        {prepare}
        try:
            import aktis.util.dask
        except ImportError as error:
            print(error)
        """
    )

    assert ended.lines == [f"aktis.util.dask {sentence}"]


def test_without_tqdm_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)

    with pytest.raises(ModuleNotFoundError, match=r"needs tqdm: pip install 'aktis\[dask\]'"):
        ProgressBarCallback()


def process_and_before(*before: int) -> tuple[int, ...]:
    return (os.getpid(), *before)


def count_and_square(number: int, tally: Tally) -> int:
    tally.add()
    return number**2


def describe(table: Any, number: int) -> tuple[float, bool, int]:
    return float(table.sum()), bool(table.flags.writeable), number


def held_cpus() -> float:
    return aktis.get_runtime_context().get_assigned_resources()["CPU"]
