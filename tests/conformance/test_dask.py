"""The scheduler of Dask: graphs, collections, options and hooks.

Owns `aktis.util.dask`.
"""

from __future__ import annotations

import os
import sys
import threading
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
from dask.callbacks import Callback
from dask.highlevelgraph import HighLevelGraph

import aktis
from aktis.util.dask import (
    ProgressBarCallback,
    RayDaskCallback,
    dataframe_optimize,
    disable_dask_on_ray,
    enable_dask_on_ray,
    ray_dask_get,
    ray_dask_get_sync,
)
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


# Hooks


def test_hooks_are_called_around_submission_and_tasks(tmp_path: Any) -> None:
    told: list[Any] = []
    in_worker = tmp_path / "told"

    def before(key: Any, values: Any) -> str:
        return f"{key}{values}"

    def after(key: Any, result: Any, pre_state: Any) -> None:
        in_worker.write_text(f"{key}={result} after {pre_state}")

    hooks = RayDaskCallback(
        ray_presubmit=lambda _task, key, deps: told.append(("presubmit", key, deps)),
        ray_postsubmit=lambda _task, key, _deps, ref: told.append(("postsubmit", key, type(ref))),
        ray_pretask=before,
        ray_posttask=after,
        ray_postsubmit_all=lambda refs, graph: told.append(("all", type(refs), set(graph))),
        ray_finish=lambda result: told.append(("finish", result)),
    )
    graph = {"one": 1, "sum": (add, "one", 2)}

    with hooks:
        assert ray_dask_get(graph, "sum") == 3
    assert ray_dask_get(graph, "sum") == 3

    assert told == [
        ("presubmit", "sum", {"one": 1}),
        ("postsubmit", "sum", aktis.ObjectRef),
        ("all", aktis.ObjectRef, {"one", "sum"}),
        ("finish", 3),
    ]
    assert in_worker.read_text() == "sum=3 after sum(1,)"


def test_a_hook_may_stand_in_for_a_task() -> None:
    class Remembering(RayDaskCallback):
        def _ray_presubmit(self, _task: Any, key: Any, _deps: Any) -> Any:
            return {"value": 40, "ref": aktis.put(2), "refs": [aktis.put(3)]}.get(key)

    graph: dict[str, Any] = dict.fromkeys(("value", "ref", "refs"), (refuse, 1))
    graph |= {"sum": (add, "value", "ref"), "inner": (sum, "refs")}

    found = ray_dask_get(graph, ["sum", "ref", "refs", "inner"], ray_callbacks=[Remembering()])

    assert found == [42, 2, [3], 3]


@pytest.mark.usefixtures("enabled")
def test_registered_hooks_are_called_until_they_are_not() -> None:
    results: list[Any] = []
    hooks = RayDaskCallback(ray_finish=results.append)
    task = dask.delayed(add)(1, 2)

    hooks.register()
    task.compute()
    hooks.unregister()
    task.compute()

    assert results == [[3]]


@pytest.mark.usefixtures("enabled")
def test_a_run_within_a_hook_calls_no_hooks() -> None:
    results: list[Any] = []
    inner = dask.delayed(add)(10, 20)

    with RayDaskCallback(ray_finish=lambda result: results.append((result, inner.compute()))):
        dask.delayed(add)(1, 2).compute()

    assert results == [([3], 30)]


def test_hooks_are_called_for_runs_of_all_threads_at_once() -> None:
    submitted: list[Any] = []

    def run_another(_task: Any, key: Any, _deps: Any, _ref: Any) -> None:
        submitted.append(key)
        if key == "outer":
            another = threading.Thread(target=ray_dask_get, args=({"inner": (abs, -1)}, "inner"))
            another.start()
            another.join()

    with RayDaskCallback(ray_postsubmit=run_another):
        ray_dask_get({"outer": (abs, -2)}, "outer")

    assert submitted == ["outer", "inner"]


def test_hooks_in_workers_are_called_for_tasks_alone(tally: Tally) -> None:
    hooks = RayDaskCallback(
        ray_presubmit=lambda _task, key, _deps: [aktis.put(3)] if key == "given" else None,
        ray_posttask=lambda _key, _result, _before: tally.add(),
    )
    graph = {"data": [aktis.put(1)], "given": (refuse, 2), "sum": (add, "data", "given")}

    found = ray_dask_get(graph, "sum", ray_callbacks=[hooks])

    assert found == [1, 3]
    assert tally.count() == 1


def test_what_is_no_callback_is_refused() -> None:
    wrong: Any = print

    with pytest.raises(TypeError, match="takes RayDaskCallback objects"):
        ray_dask_get({"one": 1}, "one", ray_callbacks=[wrong])


def test_the_hooks_of_dask_are_called_too() -> None:
    told: list[Any] = []

    with Callback(pretask=lambda key, *_: told.append(key)):
        ray_dask_get({"sum": (add, 1, 2)}, "sum")

    assert told == ["sum"]


@pytest.mark.usefixtures("enabled")
def test_a_bar_counts_the_tasks_that_have_ended(capsys: pytest.CaptureFixture[str]) -> None:
    bag = db.from_sequence(range(10), npartitions=5)

    with ProgressBarCallback():
        assert bag.map(parity).compute()[:2] == ["even", "odd"]
        with pytest.raises(Refused):
            bag.map(refuse).compute()

    assert "6/6" in capsys.readouterr().err


def test_a_bar_takes_a_result_that_is_asked_for_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBarCallback():
        found = ray_dask_get({"one": (abs, -1), "same": "one"}, ["one", "one", "same"])

    assert found == [1, 1, 1]
    assert "1/1" in capsys.readouterr().err


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


class Refused(Exception):  # noqa: N818 - named as a user might
    """An error of the user's."""


def add(left: Any, right: Any) -> Any:
    return left + right


def process_and_before(*before: int) -> tuple[int, ...]:
    return (os.getpid(), *before)


def parity(number: int) -> str:
    return "odd" if number % 2 else "even"


def refuse(number: Any) -> None:
    message = f"number {number}"
    raise Refused(message)


def count_and_square(number: int, tally: Tally) -> int:
    tally.add()
    return number**2


def describe(table: Any, number: int) -> tuple[float, bool, int]:
    return float(table.sum()), bool(table.flags.writeable), number


def held_cpus() -> float:
    return aktis.get_runtime_context().get_assigned_resources()["CPU"]
