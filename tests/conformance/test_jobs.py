"""What several drivers of one cluster share, and what ends with each of them.

Owns attaching to a cluster that is there. Starting one is in `test_init`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aktis
from aktis.util.placement_group import get_placement_group, placement_group_table
from tests.conformance.conftest import NAMESPACE
from tests.conformance.drivers import start_driver
from tests.conformance.waiting import Gate, process_is_gone, wait_for

Drive = Callable[..., Any]

ATTACH = """
import os
import aktis
context = aktis.init(address=os.environ["CLUSTER"], namespace=os.environ["SPACE"])
"""
CELL = """
@aktis.remote
class Cell:
    def __init__(self, value):
        self.value = value
    def read(self):
        return self.value
    def process_id(self):
        return os.getpid()
"""


@pytest.fixture
def attach(session: aktis.Context, drive: Drive) -> Drive:
    """Runs a program in a second driver of the session's cluster."""

    def run(program: str) -> Any:
        env = {"CLUSTER": session.address_info["address"], "SPACE": NAMESPACE}
        driver = drive(ATTACH + program, env=env)
        assert driver.returncode == 0, driver.printed
        return driver

    return run


def test_a_driver_may_attach_to_a_cluster_that_is_there(attach: Drive) -> None:
    driver = attach(
        """
print(aktis.get_runtime_context().get_node_id(), int(aktis.cluster_resources()["CPU"]))
print(aktis.get(aktis.remote(lambda: 42).remote()))
"""
    )

    assert driver.lines == [f"{aktis.get_runtime_context().get_node_id()} 4", "42"]


def test_the_address_may_come_from_the_environment(session: aktis.Context, drive: Drive) -> None:
    for options in ("", "address='auto'"):
        driver = drive(
            f"""
            import aktis
            aktis.init({options})
            print(aktis.get_runtime_context().get_node_id())
            """,
            env={"AKTIS_ADDRESS": session.address_info["address"]},
        )
        assert driver.lines == [aktis.get_runtime_context().get_node_id()], driver.printed


def test_a_local_cluster_is_a_new_one_in_spite_of_the_environment(
    session: aktis.Context, drive: Drive
) -> None:
    driver = drive(
        """
        import aktis
        aktis.init(address="local", num_cpus=1)
        print(aktis.get_runtime_context().get_node_id())
        """,
        env={"AKTIS_ADDRESS": session.address_info["address"]},
    )

    assert driver.lines != [aktis.get_runtime_context().get_node_id()]
    assert len(driver.lines) == 1, driver.printed


@pytest.mark.parametrize(
    "option",
    [
        "num_cpus=1",
        "num_gpus=1",
        "resources={'widget': 1}",
        "object_store_memory=10**8",
        "object_spilling_directory='/tmp'",
        "_system_config={}",
    ],
)
def test_a_driver_that_attaches_cannot_change_the_node(
    session: aktis.Context, drive: Drive, option: str
) -> None:
    driver = drive(
        f"""
        import os
        import aktis
        try:
            aktis.init(address=os.environ["CLUSTER"], {option})
        except ValueError as error:
            print("refused:", error)
        """,
        env={"CLUSTER": session.address_info["address"]},
    )

    name = option.partition("=")[0]
    (line,) = driver.lines
    assert line.startswith(f"refused: {name} describe"), driver.printed


def test_each_driver_is_a_job_of_its_own(attach: Drive) -> None:
    driver = attach("print(aktis.get_runtime_context().get_job_id())")

    assert driver.lines != [aktis.get_runtime_context().get_job_id()]


def test_drivers_of_one_namespace_share_named_actors(attach: Drive) -> None:
    @aktis.remote
    class Cell:
        def read(self) -> str:
            return "shared"

    cell = Cell.options(name="shared_cell").remote()
    aktis.get(cell.read.remote())

    driver = attach("print(aktis.get(aktis.get_actor('shared_cell').read.remote()))")

    assert driver.lines == ["shared"]


def test_a_detached_actor_outlives_its_driver(attach: Drive) -> None:
    attach(
        f"""
{CELL}
cell = Cell.options(name="lasting", lifetime="detached").remote("kept")
print(aktis.get(cell.read.remote()))
"""
    )

    cell = aktis.get_actor("lasting")
    assert aktis.get(cell.read.remote()) == "kept"
    aktis.kill(cell)


def test_other_actors_end_with_their_driver(attach: Drive) -> None:
    driver = attach(
        f"""
{CELL}
cell = Cell.options(name="passing").remote("gone")
print(aktis.get(cell.process_id.remote()))
"""
    )

    wait_for(lambda: process_is_gone(int(driver.lines[0])), timeout_s=5)
    with pytest.raises(ValueError):
        aktis.get_actor("passing")


def test_placement_groups_end_with_their_driver_unless_detached(attach: Drive) -> None:
    attach(
        """
from aktis.util.placement_group import placement_group
for name, lifetime in (("passing_group", None), ("lasting_group", "detached")):
    placement_group([{"CPU": 1}], name=name, lifetime=lifetime).wait(30)
"""
    )

    wait_for(lambda: aktis.available_resources().get("CPU") == 3)
    lasting = get_placement_group("lasting_group")
    assert placement_group_table(lasting)["state"] == "CREATED"
    aktis.util.remove_placement_group(lasting)
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_a_killed_driver_takes_its_tasks_and_actors_along(
    session: aktis.Context, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "ready")
    process = start_driver(
        f"""{ATTACH}
{CELL}
import threading

@aktis.remote
def hang():
    threading.Event().wait(60)

@aktis.remote
def process_id():
    return os.getpid()

cell = Cell.remote(1)
with open({str(tmp_path / "cell")!r}, "w") as file:
    file.write(str(aktis.get(cell.process_id.remote())))
hanging = [hang.remote() for _ in range(4)]
while aktis.available_resources().get("CPU", 0) > 0:
    pass
open({str(gate.path)!r}, "w").close()
aktis.get(hanging)
""",
        directory=tmp_path,
        env={"CLUSTER": session.address_info["address"], "SPACE": NAMESPACE},
    )
    gate.wait()
    process.send_signal(signal.SIGKILL)
    process.communicate()

    wait_for(lambda: process_is_gone(int((tmp_path / "cell").read_text())), timeout_s=5)
    wait_for(lambda: aktis.available_resources().get("CPU") == 4, timeout_s=5)
    assert aktis.get(aktis.remote(lambda: 1).remote()) == 1
