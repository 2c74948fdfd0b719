"""What `init` and `shutdown` do, what they refuse, and what begins a session by itself.

Owns one driver's session. Several drivers of one cluster are in `test_jobs`, ends in
`test_clean_ends`.
"""

from __future__ import annotations

import concurrent.futures
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aktis
from aktis.exceptions import ActorHandleNotFoundError
from tests.conformance.waiting import wait_for

pytestmark = pytest.mark.usefixtures("no_session")

Drive = Callable[..., Any]


def test_init_gives_a_context_that_describes_the_session() -> None:
    context = aktis.init(address="local", num_cpus=1)

    assert isinstance(context, aktis.Context)
    assert context.python_version == sys.version.split()[0]
    assert Path(context.address_info["session_dir"]).is_dir()
    assert context.address_info["node_id"] == aktis.get_runtime_context().get_node_id()
    assert context.address_info["address"]
    assert hasattr(context, "dashboard_url")


def test_a_session_is_on_between_init_and_shutdown() -> None:
    assert aktis.is_initialized() is False
    aktis.init(address="local", num_cpus=1)
    assert aktis.is_initialized() is True
    aktis.shutdown()
    assert aktis.is_initialized() is False


def test_a_context_ends_the_session_when_its_block_ends() -> None:
    with aktis.init(address="local", num_cpus=1):
        assert aktis.is_initialized()
    assert not aktis.is_initialized()


def test_a_context_can_be_disconnected() -> None:
    context = aktis.init(address="local", num_cpus=1)

    context.disconnect()

    assert not aktis.is_initialized()


def test_a_second_init_is_refused_unless_told_otherwise() -> None:
    first = aktis.init(address="local", num_cpus=1)

    with pytest.raises(RuntimeError, match="ignore_reinit_error"):
        aktis.init(address="local", num_cpus=1)
    again = aktis.init(address="local", num_cpus=1, ignore_reinit_error=True)
    assert again.address_info["session_dir"] == first.address_info["session_dir"]


def test_init_in_a_task_is_refused_unless_told_otherwise() -> None:
    @aktis.remote
    def begin(**options: Any) -> tuple[str, str]:
        before = aktis.get_runtime_context().get_worker_id()
        context = aktis.init(**options)
        assert aktis.get_runtime_context().get_worker_id() == before
        return context.address_info["session_dir"], aktis.get(begin_nothing.remote())

    @aktis.remote
    def begin_nothing() -> str:
        return aktis.get_runtime_context().get_job_id()

    session = aktis.init(address="local", num_cpus=1)

    with pytest.raises(RuntimeError, match="leave init"):
        aktis.get(begin.remote(num_cpus=1))
    assert aktis.get(begin.remote(ignore_reinit_error=True)) == (
        session.address_info["session_dir"],
        aktis.get_runtime_context().get_job_id(),
    )


@pytest.mark.parametrize("address", ["local", "auto"])
def test_a_child_by_fork_begins_a_session_of_its_own(address: str, drive: Drive) -> None:
    driver = drive(
        f"""
        import os
        import aktis

        @aktis.remote
        def double(value):
            return 2 * value

        aktis.init(address="local", num_cpus=1)
        assert aktis.get(double.remote(1)) == 2
        child = os.fork()
        if child == 0:
            try:
                double.remote(2)
            except RuntimeError as error:
                print(error, flush=True)
            print(aktis.is_initialized(), flush=True)
            with aktis.init(address={address!r}):
                print(aktis.get(double.remote(3)), aktis.is_initialized(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(aktis.get(double.remote(4)))
        """
    )

    refusal, *lines = driver.lines
    assert "connect anew in the child" in refusal
    assert lines == ["False", "6 True", "8"], driver.printed


def test_shutdown_may_be_called_at_any_time() -> None:
    aktis.shutdown()
    aktis.init(address="local", num_cpus=1)
    aktis.shutdown()
    aktis.shutdown()


def test_a_function_works_in_the_next_session_too() -> None:
    @aktis.remote
    def answer() -> int:
        return 42

    for _ in range(2):
        with aktis.init(address="local", num_cpus=1):
            assert aktis.get(answer.remote()) == 42


def test_an_actor_class_works_in_the_next_session_and_its_old_handles_do_not() -> None:
    @aktis.remote
    class Cell:
        def read(self) -> int:
            return 42

    with aktis.init(address="local", num_cpus=1):
        old = Cell.remote()
        assert aktis.get(old.read.remote()) == 42
    with aktis.init(address="local", num_cpus=1):
        new = Cell.remote()
        assert aktis.get(new.read.remote()) == 42
        with pytest.raises(ActorHandleNotFoundError):
            aktis.kill(old)


AUTOMATIC: dict[str, Callable[[], object]] = {
    "remote": lambda: aktis.get(aktis.remote(lambda: 1).remote()),
    "put": lambda: aktis.put(1),
    "get": lambda: aktis.get([]),
    "wait": lambda: aktis.wait([]),
    "get_gpu_ids": aktis.get_gpu_ids,
    "get_runtime_context": lambda: aktis.get_runtime_context().get_job_id(),
}


@pytest.mark.parametrize("name", AUTOMATIC)
def test_a_session_begins_by_itself_with_the_first(name: str) -> None:
    AUTOMATIC[name]()

    assert aktis.is_initialized()


def test_threads_that_need_a_session_at_the_same_time_begin_one() -> None:
    barrier = threading.Barrier(4)

    def put(_: int) -> str:
        barrier.wait(30)
        aktis.put(1)
        return aktis.get_runtime_context().get_worker_id()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        workers = set(pool.map(put, range(4)))

    assert workers == {aktis.get_runtime_context().get_worker_id()}


def test_looking_for_an_actor_begins_a_session() -> None:
    with pytest.raises(ValueError):
        aktis.get_actor("nobody")
    assert aktis.is_initialized()


@pytest.mark.parametrize("name", ["nodes", "cluster_resources", "available_resources", "timeline"])
def test_questions_about_the_cluster_do_not_begin_a_session(name: str) -> None:
    with pytest.raises(Exception, match="init"):
        getattr(aktis, name)()
    assert not aktis.is_initialized()


def test_beginning_by_itself_can_be_switched_off(drive: Drive) -> None:
    driver = drive(
        """
        import aktis
        try:
            aktis.put(1)
        except Exception as error:
            print(type(error).__name__, aktis.is_initialized())
        """,
        env={"AKTIS_ENABLE_AUTO_CONNECT": "0"},
    )

    assert driver.lines[-1].endswith("Error False"), driver.printed


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"local_mode": True}, RuntimeError),
        ({"storage": "/there"}, RuntimeError),
        ({"colour": "blue"}, RuntimeError),
        ({"object_store_memory": 1024}, ValueError),
        ({"object_store_memory": "1GB"}, TypeError),
        ({"object_store_memory": 10**15}, RuntimeError),
        ({"object_spilling_directory": "s3://bucket"}, NotImplementedError),
        ({"object_spilling_directory": "/proc/there"}, OSError),
        ({"_memory": "1GB"}, TypeError),
        ({"_system_config": {"colour": 3}}, RuntimeError),
        ({"resources": {"CPU": 1}}, ValueError),
        ({"resources": {"GPU": 1}}, ValueError),
        ({"namespace": ""}, ValueError),
        ({"namespace": 3}, TypeError),
        ({"address": 3}, TypeError),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_refused(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        aktis.init(**{"address": "local", "num_cpus": 1, **options})


@pytest.mark.parametrize("variable", ["RAY_LOG_TO_DRIVER", "RAY_DEDUP_LOGS"])
def test_a_setting_that_makes_no_sense_begins_no_session(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "perhaps")

    with pytest.raises(ValueError, match=f"{variable}='perhaps'"):
        aktis.init(address="local", num_cpus=1)
    assert not aktis.is_initialized()


def test_auto_needs_a_cluster_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AKTIS_ADDRESS", raising=False)

    with pytest.raises(ConnectionError):
        aktis.init(address="auto")


def test_an_address_nobody_answers_at_is_a_connection_error() -> None:
    with pytest.raises(ConnectionError):
        aktis.init(address="127.0.0.1:9")


def test_the_node_has_what_was_asked_for() -> None:
    aktis.init(
        address="local",
        num_cpus=3,
        num_gpus=1,
        resources={"widget": 3},
        labels={"zone": "north"},
        object_store_memory=100 * 1024**2,
    )

    resources = aktis.cluster_resources()
    assert (resources["CPU"], resources["GPU"], resources["widget"]) == (3, 1, 3)
    assert resources["object_store_memory"] == 100 * 1024**2
    assert aktis.nodes()[0]["Labels"]["zone"] == "north"


def test_a_node_has_the_cpus_of_the_machine_by_default() -> None:
    import os

    aktis.init(address="local")

    assert 1 <= aktis.cluster_resources()["CPU"] <= len(os.sched_getaffinity(0))


def test_a_namespace_is_as_given_or_of_its_own() -> None:
    seen = set()
    for namespace in ("given", None, None):
        with aktis.init(address="local", num_cpus=1, namespace=namespace):
            seen.add(aktis.get_runtime_context().namespace)

    assert "given" in seen
    assert len(seen) == 3
    assert all(seen)


def test_a_job_configuration_is_used() -> None:
    from aktis.job_config import JobConfig

    config = JobConfig(default_actor_lifetime="detached")
    config.set_runtime_env({"env_vars": {"COLOUR": "blue"}})
    aktis.init(address="local", num_cpus=1, job_config=config, namespace="configured")

    @aktis.remote
    class Cell:
        def colour(self) -> str | None:
            import os

            return os.environ.get("COLOUR")

    cell = Cell.options(name="lasting").remote()
    assert aktis.get(cell.colour.remote()) == "blue"
    del cell
    assert aktis.get(aktis.get_actor("lasting").colour.remote()) == "blue"


def test_a_session_directory_is_not_used_twice() -> None:
    directories = set()
    for _ in range(2):
        with aktis.init(address="local", num_cpus=1) as context:
            directories.add(context.address_info["session_dir"])

    assert len(directories) == 2


def test_a_driver_that_is_told_to_end_ends_in_order(drive: Drive) -> None:
    driver = drive(
        """
        import atexit, os, signal
        import aktis
        aktis.init(address="local", num_cpus=1)
        atexit.register(print, "handlers ran")
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )

    assert "handlers ran" in driver.stdout


def test_the_namespace_may_come_from_the_environment(drive: Drive) -> None:
    driver = drive(
        """
        import aktis
        aktis.init(address="local", num_cpus=1)
        print(aktis.get_runtime_context().namespace)
        """,
        env={"AKTIS_NAMESPACE": "from_outside"},
    )

    assert driver.lines == ["from_outside"], driver.printed


def test_modules_beside_the_driver_can_be_imported_by_workers(drive: Drive, tmp_path: Path) -> None:
    (tmp_path / "beside_the_driver.py").write_text("def answer():\n    return 42\n")
    driver = drive(
        """
        import aktis
        import beside_the_driver

        @aktis.remote
        def ask():
            return beside_the_driver.answer()

        aktis.init(address="local", num_cpus=1)
        print(aktis.get(ask.remote()))
        print(aktis.get(aktis.remote(beside_the_driver.answer).remote()))
        """
    )

    assert driver.lines == ["42", "42"], driver.printed


def test_a_driver_may_hold_many_files(drive: Drive) -> None:
    driver = drive(
        """
        import os, resource
        import aktis

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, most))
        held = [os.dup(0) for _ in range(1100)]
        aktis.init(address="local", num_cpus=1)
        print(aktis.get(aktis.remote(lambda: 42).remote()))
        """
    )

    assert driver.lines == ["42"], driver.printed


def test_a_driver_may_be_a_script_without_a_main_guard(drive: Drive) -> None:
    driver = drive(
        """
        import aktis
        print("once")

        class Point:
            def __init__(self, x):
                self.x = x

        @aktis.remote
        def double(point):
            return Point(2 * point.x)

        print(aktis.get(double.remote(Point(4))).x)
        """
    )

    assert driver.lines == ["once", "8"], driver.printed


def test_resources_come_back_to_what_they_were_after_use() -> None:
    aktis.init(address="local", num_cpus=2)
    before = aktis.cluster_resources()["CPU"]
    aktis.get([aktis.remote(lambda: 1).remote() for _ in range(20)])

    wait_for(lambda: aktis.available_resources().get("CPU") == before)
