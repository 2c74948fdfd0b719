"""What `aktis.util.state` tells of tasks, actors, objects, nodes, workers, jobs and groups.

Owns the rows, filters and counts. What ran and when is in `test_timeline`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.observe.rows import TaskState
from aktis.util import placement_group, remove_placement_group, state
from aktis.util.state.client import StateApiClient
from aktis.util.state.exception import StateApiException
from aktis.util.state.options import ListApiOptions, StateResource, SummaryApiOptions
from tests.conformance.conftest import CPUS, NAMESPACE
from tests.conformance.waiting import Gate, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_task_is_listed_as_it_waits_for_an_argument_runs_and_ends(
    gate: Gate, started: Gate
) -> None:
    @aktis.remote
    def first_of_two() -> None:
        started.open()
        gate.wait()

    @aktis.remote
    def second_of_two(_argument: None) -> None: ...

    first = first_of_two.remote()
    second = second_of_two.remote(first)
    started.wait()

    assert states_of("first_of_two") == {"RUNNING"}
    assert states_of("second_of_two") == {"PENDING_ARGS_AVAIL"}
    gate.open()
    aktis.get(second)
    wait_for(lambda: states_of("first_of_two") == states_of("second_of_two") == {"FINISHED"})


def test_a_task_for_which_nothing_is_free_is_pending(gate: Gate, started: Gate) -> None:
    @aktis.remote(num_cpus=CPUS)
    def takes_all() -> None:
        started.open()
        gate.wait()

    @aktis.remote
    def finds_nothing() -> None: ...

    first = takes_all.remote()
    started.wait()
    second = finds_nothing.remote()

    wait_for(lambda: states_of("finds_nothing") == {"PENDING_NODE_ASSIGNMENT"})
    gate.open()
    aktis.get([first, second])


def test_a_task_that_waits_in_get_is_listed_so(gate: Gate, started: Gate) -> None:
    @aktis.remote
    def waited_for() -> None:
        started.open()
        gate.wait()

    @aktis.remote
    def waits_for_it() -> None:
        aktis.get(waited_for.remote())

    outer = waits_for_it.remote()
    started.wait()

    wait_for(lambda: states_of("waits_for_it") == {"RUNNING_IN_RAY_GET"})
    (inner,) = rows_of("waited_for")
    assert inner.parent_task_id == outer.task_id().hex()
    gate.open()
    aktis.get(outer)


def test_calls_to_an_actor_that_is_busy_are_listed_as_waiting_for_their_turn(
    gate: Gate, started: Gate
) -> None:
    @aktis.remote
    class Busy:
        def work(self) -> None:
            started.open()
            gate.wait()

    busy = Busy.remote()
    calls = [busy.work.remote() for _ in range(2)]
    started.wait()

    turn = "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY"
    wait_for(lambda: states_of("Busy.work") == {"RUNNING", turn})
    kinds = {row.type: row.actor_id for row in rows_of("Busy.work")}
    assert kinds == {"ACTOR_TASK": busy._actor_id.hex()}
    gate.open()
    aktis.get(calls)


def test_a_row_says_where_and_when_a_task_ran_and_what_it_held() -> None:
    @aktis.remote(num_cpus=2)
    def says_where() -> tuple[int, str, str]:
        here = aktis.get_runtime_context()
        return os.getpid(), here.get_worker_id(), here.get_node_id()

    before_ms = time.time_ns() // 1_000_000
    ref = says_where.remote()
    pid, worker, node = aktis.get(ref)
    wait_for(lambda: states_of("says_where") == {"FINISHED"})
    row = state.get_task(ref)

    assert isinstance(row, TaskState)
    assert (row.worker_pid, row.worker_id, row.node_id) == (pid, worker, node)
    assert row.required_resources == {"CPU": 2.0}
    assert (row.type, row.attempt_number, row.actor_id) == ("NORMAL_TASK", 0, None)
    assert row.start_time_ms is not None
    assert row.end_time_ms is not None
    assert before_ms - 1 <= row.start_time_ms <= row.end_time_ms


def test_a_task_that_raised_is_listed_with_its_error() -> None:
    @aktis.remote(max_retries=0)
    def raises_here() -> None:
        message = "a word to find"
        raise ValueError(message)

    ref = raises_here.remote()
    with pytest.raises(ValueError, match="a word to find"):
        aktis.get(ref)
    wait_for(lambda: find_task(ref).end_time_ms is not None)
    row = find_task(ref)

    assert (row.state, row.error_type) == ("FAILED", "TASK_EXECUTION_EXCEPTION")
    assert row.error_message is not None
    assert "ValueError: a word to find" in row.error_message


def test_each_attempt_has_a_row_and_a_crash_names_the_process() -> None:
    @aktis.remote(max_retries=1)
    def crashes() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    ref = crashes.remote()
    with pytest.raises(aktis.exceptions.WorkerCrashedError):
        aktis.get(ref)
    rows = state.get_task(ref)

    assert isinstance(rows, list)
    assert [row.attempt_number for row in rows] == [0, 1]
    assert {row.error_type for row in rows} == {"WORKER_DIED"}
    gone = {row.pid: row for row in state.list_workers(filters=[("is_alive", "=", False)])}
    exits = [gone[row.worker_pid].exit_type for row in rows if row.worker_pid is not None]
    assert exits == ["SYSTEM_ERROR", "SYSTEM_ERROR"]


def test_an_actor_is_listed_while_it_lives_and_with_its_cause_when_it_is_dead() -> None:
    @aktis.remote(num_cpus=1, max_restarts=0)
    class Listed:
        def pid(self) -> int:
            return os.getpid()

    actor = Listed.options(name="listed-actor").remote()
    pid = aktis.get(actor.pid.remote())

    row = state.get_actor(actor._actor_id.hex())
    assert row is not None
    assert (row.class_name, row.state, row.name) == ("Listed", "ALIVE", "listed-actor")
    assert (row.pid, row.ray_namespace, row.is_detached) == (pid, NAMESPACE, False)
    assert row.required_resources == {"CPU": 1.0}
    aktis.kill(actor)
    wait_for(lambda: actor_state(actor) == "DEAD")
    dead = state.get_actor(actor._actor_id.hex())
    assert dead is not None
    assert dead.death_cause is not None
    assert "kill()" in dead.death_cause["actor_died_error_context"]["error_message"]


def test_objects_are_listed_by_who_holds_them_with_their_size_and_what_makes_them(
    gate: Gate,
) -> None:
    @aktis.remote
    def made_later() -> bytes:
        gate.wait()
        return b""

    large = aktis.put(np.zeros(1_000_000, dtype=np.uint8))
    later = made_later.remote()
    value = aktis.get(large)

    (row,) = state.get_objects(large.hex())
    assert row.object_size >= value.nbytes
    assert (row.reference_type, row.task_status) == ("PINNED_IN_MEMORY", "FINISHED")
    assert (row.type, row.pid) == ("DRIVER", os.getpid())
    (pending,) = state.get_objects(later.hex())
    assert pending.object_size == -1
    assert pending.task_status in {"SUBMITTED_TO_WORKER", "PENDING_NODE_ASSIGNMENT"}
    gate.open()
    aktis.get(later)


def test_a_borrower_and_a_pending_task_show_in_the_rows_of_an_object(
    gate: Gate, started: Gate
) -> None:
    @aktis.remote
    def borrows(held: list[aktis.ObjectRef[bytes]]) -> int:
        started.open()
        gate.wait()
        return len(held)

    ref = aktis.put(b"borrowed")
    task = borrows.remote([ref])
    started.wait()

    wait_for(lambda: {row.type for row in state.get_objects(ref.hex())} == {"DRIVER", "WORKER"})
    kinds = {row.type: row.reference_type for row in state.get_objects(ref.hex())}
    assert kinds == {"DRIVER": "USED_BY_PENDING_TASK", "WORKER": "LOCAL_REFERENCE"}
    gate.open()
    assert aktis.get(task) == 1


def test_nodes_workers_and_jobs_are_listed() -> None:
    (node,) = state.list_nodes()
    assert (node.state, node.is_head_node, node.resources_total["CPU"]) == ("ALIVE", True, CPUS)
    assert state.get_node(node.node_id) == state.list_nodes(detail=True)[0]

    here = aktis.get_runtime_context()
    driver = state.get_worker(here.get_worker_id())
    assert driver is not None
    assert (driver.worker_type, driver.is_alive, driver.pid) == ("DRIVER", True, os.getpid())

    job = state.get_job(here.get_job_id())
    assert job is not None
    assert (job.status, job.driver_info["pid"]) == ("RUNNING", str(os.getpid()))


def test_placement_groups_are_listed_by_their_state() -> None:
    group = placement_group([{"CPU": 1}], name="listed-group")
    aktis.get(group.ready())

    row = state.get_placement_group(group.id.hex())
    assert row is not None
    assert (row.name, row.state, row.is_detached) == ("listed-group", "CREATED", False)
    assert row.bundles is not None
    assert row.bundles[0]["unit_resources"] == {"CPU": 1.0}
    remove_placement_group(group)
    wait_for(lambda: found_group(group.id.hex()) == "REMOVED")


def test_a_runtime_environment_is_listed_with_the_processes_that_have_it() -> None:
    @aktis.remote(runtime_env={"env_vars": {"LISTED": "yes"}})
    class Environed:
        def ping(self) -> None: ...

    actor = Environed.remote()
    aktis.get(actor.ping.remote())

    rows = [row for row in state.list_runtime_envs(detail=True) if "env_vars" in row.runtime_env]

    assert [(row.runtime_env["env_vars"], row.ref_cnt) for row in rows] == [({"LISTED": "yes"}, 1)]
    aktis.kill(actor)


def test_filters_compare_without_regard_to_case_and_all_must_hold() -> None:
    @aktis.remote(name="filtered_task")
    def filtered() -> None: ...

    aktis.get([filtered.remote() for _ in range(3)])
    ended = [("name", "=", "filtered_task"), ("state", "=", "FINISHED")]
    wait_for(lambda: len(state.list_tasks(filters=ended)) == 3)

    def count(*filters: tuple[str, str, Any]) -> int:
        return len(state.list_tasks(filters=[("name", "=", "filtered_task"), *filters]))

    assert count(("STATE", "=", "finished")) == 3
    assert count(("state", "!=", "FINISHED")) == 0
    assert count(("attempt_number", "=", 0), ("type", "=", "NORMAL_TASK")) == 3
    assert len(state.list_tasks(filters=[("name", "=", "filtered_task")], limit=2)) == 2


def test_what_cannot_be_filtered_by_is_said() -> None:
    with pytest.raises(StateApiException, match="cannot be filtered by 'nonsense'; they can be by"):
        state.list_tasks(filters=[("nonsense", "=", "x")])
    with pytest.raises(ValueError, match='"=" or "!="'):
        state.list_tasks(filters=[("state", "<", "x")])
    with pytest.raises(ValueError, match='"=" or "!="'):
        SummaryApiOptions(filters=[("state", "<", "x")])
    with pytest.raises(ValueError, match="limit must be from 1 to 10000"):
        state.list_tasks(limit=20_000)


def test_what_a_process_leaves_out_is_an_error_or_a_warning_where_it_was_asked() -> None:
    refs = [aktis.put(number) for number in range(10_001)]

    with pytest.raises(StateApiException, match="objects are not told"):
        state.list_objects()
    with pytest.warns(UserWarning, match="objects are not told") as warned:
        rows = state.list_objects(limit=10_000, raise_on_missing_output=False)
    with pytest.warns(UserWarning, match="objects are not told") as also_warned:
        found = state.get_objects(refs[0].hex())

    assert len(rows) == 10_000
    assert len(found) <= 1
    assert {one.filename for one in (*warned, *also_warned)} == {__file__}


def test_columns_are_read_like_items_and_those_of_detail_only_with_detail() -> None:
    @aktis.remote
    class Columns:
        def ping(self) -> None: ...

    actor = Columns.remote()
    aktis.get(actor.ping.remote())

    identified = [("actor_id", "=", actor._actor_id.hex())]
    (plain,) = state.list_actors(filters=identified)
    (full,) = state.list_actors(filters=identified, detail=True)

    assert plain["state"] == plain.state == plain.get("state") == "ALIVE"
    assert (plain.num_restarts, full.num_restarts) == (None, 0)
    assert full.asdict()["class_name"] == full.class_name
    with pytest.raises(KeyError, match="has no column 'nonsense'"):
        plain["nonsense"]
    assert plain.get("nonsense", 7) == 7


def test_tasks_actors_and_objects_are_counted_by_state() -> None:
    @aktis.remote
    class Counted:
        def counted_call(self) -> None: ...

    actor = Counted.remote()
    aktis.get([actor.counted_call.remote() for _ in range(3)])
    wait_for(lambda: states_of("Counted.counted_call") == {"FINISHED"})

    calls = state.summarize_tasks()["cluster"]["summary"]["Counted.counted_call"]
    assert (calls["type"], calls["state_counts"]) == ("ACTOR_TASK", {"FINISHED": 3})
    actors = state.summarize_actors()["cluster"]["summary"]["Counted"]
    assert actors["state_counts"] == {"ALIVE": 1}
    objects = state.summarize_objects()["cluster"]
    listed = StateApiClient().list(StateResource.OBJECTS, ListApiOptions(limit=10_000))
    assert objects["total_objects"] == len(listed)
    assert sum(objects["summary"]["disabled"]["ref_type_counts"].values()) == len(listed)


def test_the_state_can_be_asked_from_inside_a_task() -> None:
    @aktis.remote(name="looks_around")
    def looks() -> list[str]:
        return [row.state for row in state.list_tasks(filters=[("name", "=", "looks_around")])]

    assert aktis.get(looks.remote()) == ["RUNNING"]


def test_an_id_that_is_unknown_finds_nothing_and_one_that_is_none_is_refused() -> None:
    assert state.get_actor("00" * 16) is None
    assert state.get_task("00" * 24) is None
    assert state.get_objects("00" * 28) == []
    with pytest.raises(StateApiException, match="ids are told in hexadecimal"):
        state.get_task("nonsense")


def test_a_process_that_does_not_answer_is_not_waited_for_beyond_the_timeout() -> None:
    @aktis.remote
    class Stopped:
        def pid(self) -> int:
            return os.getpid()

    actor = Stopped.remote()
    pid = aktis.get(actor.pid.remote())
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StateApiException, match=r"did not answer within 0.2 s"):
            state.list_tasks(timeout=0.2)
        assert state.list_workers(), "who is asked for processes is the node alone"
    finally:
        os.kill(pid, signal.SIGCONT)

    assert aktis.get(actor.pid.remote()) == pid
    assert state.list_tasks()


def test_the_log_of_the_daemon_is_listed_and_read(session: aktis.Context) -> None:
    assert state.list_logs(glob_filter="*.log") == {"daemon": ["daemon.log"]}
    lines = [f"line {number}\n" for number in range(6)]
    log = Path(session.address_info["session_dir"], "logs", "six.log")
    log.write_text("".join(lines))

    assert list(state.get_log(filename="six.log")) == lines
    for tail in range(8):
        assert list(state.get_log(filename="six.log", tail=tail)) == lines[max(6 - tail, 0) :]
    assert next(state.get_log(filename="six.log", encoding=None)) == b"line 0\n"
    with pytest.raises(StateApiException, match=r"no log file 'other.log'"):
        list(state.get_log(filename="other.log"))


def test_what_is_not_there_says_so() -> None:
    refused: list[tuple[Callable[[], object], str]] = [
        (state.list_cluster_events, "keeps no log of what happened"),
        (lambda: state.get_log(pid=1), "goes to the driver's terminal"),
        (lambda: state.get_log(filename="daemon.log", follow=True), "tail -f"),
        (lambda: state.list_tasks(address="10.0.0.1:6379"), "attach to it"),
    ]
    for call, why in refused:
        with pytest.raises(NotImplementedError, match=why):
            call()


def rows_of(name: str) -> list[TaskState]:
    """The rows of a function or method that a test defines."""
    rows = state.list_tasks(limit=10_000)
    return [row for row in rows if row.name.rpartition("<locals>.")[2] == name]


def states_of(name: str) -> set[str]:
    return {row.state for row in rows_of(name)}


def find_task(ref: aktis.ObjectRef[Any]) -> TaskState:
    row = state.get_task(ref)
    assert isinstance(row, TaskState)
    return row


def actor_state(actor: Any) -> str | None:
    row = state.get_actor(actor._actor_id.hex())
    return None if row is None else row.state


def found_group(identifier: str) -> str | None:
    row = state.get_placement_group(identifier)
    return None if row is None else row.state
