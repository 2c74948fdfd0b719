"""What `get_runtime_context()` tells the driver, a task and an actor about themselves.

Owns the context. Assigned resources and devices are in `test_resources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.conftest import NAMESPACE
from tests.conformance.waiting import process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")

IDS = {"get_job_id": 8, "get_node_id": 56, "get_worker_id": 56, "get_task_id": 48}


@pytest.mark.parametrize("name", IDS)
def test_an_id_in_a_task_is_in_hexadecimal(name: str) -> None:
    assert re.fullmatch(f"[0-9a-f]{{{IDS[name]}}}", aktis.get(ask.remote(name)))


def test_driver_and_tasks_agree_on_job_and_node() -> None:
    context = aktis.get_runtime_context()

    assert aktis.get(ask.remote("get_job_id")) == context.get_job_id()
    assert aktis.get(ask.remote("get_node_id")) == context.get_node_id()


def test_driver_and_tasks_are_different_workers() -> None:
    assert aktis.get(ask.remote("get_worker_id")) != aktis.get_runtime_context().get_worker_id()


def test_each_task_has_an_id_of_its_own() -> None:
    refs = [ask.remote("get_task_id") for _ in range(3)]

    assert aktis.get(refs) == [ref.task_id().hex() for ref in refs]


def test_the_node_is_one_of_the_cluster() -> None:
    assert aktis.get_runtime_context().get_node_id() in {node["NodeID"] for node in aktis.nodes()}


@pytest.mark.parametrize("name", ["get_task_id", "get_actor_id", "get_task_name", "get_actor_name"])
def test_the_driver_is_neither_a_task_nor_an_actor_and_is_warned(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert getattr(aktis.get_runtime_context(), name)() is None
    assert "a driver is neither" in caplog.text


def test_a_task_is_no_actor() -> None:
    assert aktis.get(ask.remote("get_actor_id")) is None


def test_a_task_knows_its_name_and_its_function() -> None:
    named = ask.options(name="special")

    assert aktis.get(named.remote("get_task_name")) == "special"
    assert aktis.get(named.remote("get_task_function_name")).endswith("ask")


def test_an_actor_knows_its_id_and_its_call() -> None:
    actor = Asker.remote()

    assert aktis.get(actor.ask.remote("get_actor_id")) == actor._actor_id.hex()
    call = actor.ask.remote("get_task_id")
    assert aktis.get(call) == call.task_id().hex()


def test_an_actor_without_a_name_has_an_empty_one() -> None:
    assert not aktis.get(Asker.remote().ask.remote("get_actor_name"))


def test_an_actor_knows_whether_it_was_restarted() -> None:
    actor = Asker.options(max_restarts=1, max_task_retries=-1).remote()
    process_id = aktis.get(actor.process_id.remote())
    assert aktis.get(actor.was_restarted.remote()) is False

    aktis.kill(actor, no_restart=False)
    wait_for(lambda: process_is_gone(process_id))

    assert aktis.get(actor.was_restarted.remote(), timeout=30) is True


def test_the_current_actor_is_a_handle_to_itself() -> None:
    actor = Asker.remote()

    assert aktis.get(actor.me.remote()) == actor


def test_outside_an_actor_there_is_no_current_actor() -> None:
    with pytest.raises(RuntimeError):
        _ = aktis.get_runtime_context().current_actor


def test_the_namespace_is_that_of_the_job() -> None:
    @aktis.remote
    def namespace() -> str:
        return aktis.get_runtime_context().namespace

    assert aktis.get_runtime_context().namespace == NAMESPACE
    assert aktis.get(namespace.remote()) == NAMESPACE


def test_the_runtime_environment_is_that_of_the_task() -> None:
    @aktis.remote(runtime_env={"env_vars": {"COLOUR": "blue"}})
    def environment() -> tuple[dict[str, Any], str]:
        context = aktis.get_runtime_context()
        return dict(context.runtime_env), context.get_runtime_env_string()

    fields, text = aktis.get(environment.remote())

    assert fields["env_vars"] == {"COLOUR": "blue"}
    assert "COLOUR" in text


def test_labels_of_the_node_are_known() -> None:
    assert aktis.get(ask.remote("get_node_labels"))["zone"] == "north"


def test_the_session_has_a_name_and_a_directory(session: aktis.Context) -> None:
    context = aktis.get_runtime_context()

    assert Path(session.address_info["session_dir"]).name == context.get_session_name()
    assert Path(context.get_temp_dir()).is_dir()


def test_outside_a_placement_group_there_is_no_group() -> None:
    assert aktis.get(ask.remote("get_placement_group_id")) is None

    @aktis.remote
    def captures() -> bool:
        return aktis.get_runtime_context().should_capture_child_tasks_in_placement_group

    assert aktis.get(captures.remote()) is False


def test_an_async_actor_cannot_ask_whether_it_is_cancelled() -> None:
    @aktis.remote
    class Async:
        async def ask(self) -> bool:
            return aktis.get_runtime_context().is_canceled()

    with pytest.raises(RuntimeError):
        aktis.get(Async.remote().ask.remote())


def test_ids_can_be_built_from_text_and_bytes() -> None:
    for kind, size in (
        (aktis.JobID, 4),
        (aktis.ActorID, 16),
        (aktis.TaskID, 24),
        (aktis.ObjectID, 28),
        (aktis.NodeID, 28),
        (aktis.WorkerID, 28),
        (aktis.PlacementGroupID, 18),
    ):
        data = bytes(range(size))
        assert kind(data).binary() == data
        assert kind.from_hex(data.hex()) == kind(data)
        assert kind(data).hex() == data.hex()
        assert kind.nil().is_nil()
        assert not kind(data).is_nil()


def test_an_id_of_a_task_holds_those_of_its_job_and_actor() -> None:
    actor = Asker.remote()
    task = actor.ask.remote("get_task_id").task_id()

    assert task.actor_id().hex() == actor._actor_id.hex()
    assert task.job_id().hex() == aktis.get_runtime_context().get_job_id()


def test_the_first_job_has_the_number_one(drive: Callable[..., Any]) -> None:
    driver = drive(
        """
        import aktis
        aktis.init(address="local", num_cpus=1)
        print(aktis.get_runtime_context().get_job_id())
        """
    )

    assert driver.lines == ["01000000"], driver.printed


@aktis.remote
def ask(name: str) -> Any:
    return getattr(aktis.get_runtime_context(), name)()


@aktis.remote
class Asker:
    def ask(self, name: str) -> Any:
        return getattr(aktis.get_runtime_context(), name)()

    def was_restarted(self) -> bool:
        return aktis.get_runtime_context().was_current_actor_reconstructed

    def me(self) -> Any:
        return aktis.get_runtime_context().current_actor

    def process_id(self) -> int:
        import os

        return os.getpid()
