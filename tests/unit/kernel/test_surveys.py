"""How what several processes tell of one attempt at a task becomes one description."""

from __future__ import annotations

from typing import Any

from aktis._kernel.surveys import Attempt, Process, merged

TASK = bytes(24)
OWNERS = bytes([255] * 24)
PROCESS = Process(worker_id=b"worker", node_id=b"node", pid=7)


def test_what_runs_holds_against_what_its_owner_sent_and_keeps_what_only_the_owner_knows() -> None:
    sent = attempt("Sent", parent_id=OWNERS)
    runs = attempt("Running", process=PROCESS, began_s=5.0)

    assert merged([runs, sent]) == {
        (TASK, 0): attempt("Running", parent_id=OWNERS, process=PROCESS, began_s=5.0)
    }


def test_what_ended_holds_against_what_was_told_before_it_ended() -> None:
    runs = attempt("Running", process=PROCESS, began_s=5.0)
    ended = attempt("Ended", process=PROCESS, began_s=5.0, ended_s=6.0)

    assert merged([ended, runs]) == {(TASK, 0): ended}


def test_a_failure_is_told_by_the_owner_and_its_times_by_the_process_that_ran_it() -> None:
    ended = attempt("Ended", process=PROCESS, began_s=5.0, ended_s=6.0)
    failed = attempt("Failed", failure="Raised", sentence="why", parent_id=OWNERS)

    joined = merged([failed, ended])[TASK, 0]

    assert (joined.failure, joined.sentence, joined.parent_id) == ("Raised", "why", OWNERS)
    assert (joined.process, joined.began_s, joined.ended_s) == (PROCESS, 5.0, 6.0)


def test_attempts_at_one_task_stay_apart() -> None:
    first, second = attempt("Failed"), attempt("Running", attempt=1)

    assert merged([second, first]) == {(TASK, 0): first, (TASK, 1): second}


def attempt(stage: str, **known: Any) -> Attempt:
    described: dict[str, Any] = {"task_id": TASK, "attempt": 0, "name": "f", "callee": "Function"}
    return Attempt(**{**described, "shape": {}, "stage": stage, **known})
