"""Callbacks of Dask's scheduler: hooks in the program and in workers, and bars.

Owns `RayDaskCallback` and `ProgressBarCallback`.
"""

from __future__ import annotations

import threading
from typing import Any

import dask
import dask.bag as db
import pytest
from dask.callbacks import Callback

import aktis
from aktis.util.dask import (
    ProgressBarCallback,
    RayDaskCallback,
    enable_dask_on_ray,
    ray_dask_get,
)
from tests.conformance.dask_tasks import Refused, add, parity, refuse
from tests.conformance.waiting import Tally

pytestmark = pytest.mark.usefixtures("session")


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


def test_registered_hooks_are_called_until_they_are_not() -> None:
    results: list[Any] = []
    hooks = RayDaskCallback(ray_finish=results.append)
    task = dask.delayed(add)(1, 2)

    with enable_dask_on_ray():
        hooks.register()
        task.compute()
        hooks.unregister()
        task.compute()

    assert results == [[3]]


def test_a_run_within_a_hook_calls_no_hooks() -> None:
    results: list[Any] = []
    inner = dask.delayed(add)(10, 20)

    hooks = RayDaskCallback(ray_finish=lambda result: results.append((result, inner.compute())))
    with enable_dask_on_ray(), hooks:
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


def test_a_bar_counts_the_tasks_that_have_ended(capsys: pytest.CaptureFixture[str]) -> None:
    bag = db.from_sequence(range(10), npartitions=5)

    with enable_dask_on_ray(), ProgressBarCallback():
        assert bag.map(parity).compute()[:2] == ["even", "odd"]
        with pytest.raises(Refused):
            bag.map(refuse).compute()

    assert "6/6" in capsys.readouterr().err


def test_a_bar_takes_a_result_that_is_asked_for_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBarCallback():
        found = ray_dask_get({"one": (abs, -1), "same": "one"}, ["one", "one", "same"])

    assert found == [1, 1, 1]
    assert "1/1" in capsys.readouterr().err
