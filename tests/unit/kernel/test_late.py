"""What people are told of objects that did not come in time."""

from __future__ import annotations

from typing import Any

import pytest

from aktis._kernel.late import lateness

EXECUTOR = {"node": 1, "number": 2}
REF = {"object": {"task": [0] * 24, "index": 1}, "owner": {"node": 1, "number": 3}}
METHOD = {"Method": {"name": "f", "group": "", "ordered": True}}


@pytest.mark.parametrize(
    ("making", "told"),
    [
        (("Waiting", "Function", 1, None), "waits for an argument"),
        (("Waiting", "Function", 3, None), "waits for 3 arguments"),
        (("Ready", "Function", 0, None), "waits for a worker with {CPU: 1, GPU: 0.5}"),
        (("Ready", METHOD, 0, None), "waits for its actor, which is not there yet"),
        (("Ready", METHOD, 0, EXECUTOR), "waits for calls before it"),
        (("Sent", "Function", 0, EXECUTOR), "runs, or waits for its turn, in worker 1.2"),
        (("Sent", "Constructor", 0, None), "runs, or waits for its turn"),
    ],
)
def test_the_first_late_object_is_named_by_its_task_and_how_far_that_is(
    making: tuple[str, Any, int, dict[str, int] | None], told: str
) -> None:
    stage, callee, missing, executor = making
    resources = {"CPU": 10_000, "GPU": 5_000}
    called = {"task": [0] * 24, "callee": callee, "shape": {"resources": resources}}
    task = {"name": "f", "called": called, "stage": stage}

    assert lateness(0.2, 1, 2, (REF, (task, missing, executor))) == (
        "get() waited 0.2 s, but 1 of 2 objects are not here, "
        f"the first one from f(), which {told} [task {'00' * 24}]"
    )


def test_an_object_that_another_process_makes_is_named_with_its_owner() -> None:
    assert lateness(None, 2, 2, (REF, None)) == (
        "get() waited 0 s, but 2 of 2 objects are not here, "
        f"the first one from object {'00' * 24}01000000, which worker 1.3 owns"
    )


def test_objects_that_came_at_last_are_not_named() -> None:
    assert lateness(1.0, 0, 2, (None, None)) == (
        "get() waited 1 s, but 0 of 2 objects are not here"
    )
