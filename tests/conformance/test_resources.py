"""How resources are counted, assigned and shown.

Owns amounts, devices and their variables. Demands no node can hold are in `test_task_options`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import Gate, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_the_cluster_holds_what_the_session_was_given() -> None:
    resources = aktis.cluster_resources()

    assert resources["CPU"] == 4
    assert resources["GPU"] == 2
    assert resources["widget"] == 4
    assert resources["memory"] > 0
    assert resources["object_store_memory"] == 200 * 1024**2
    assert any(name.startswith("node:") for name in resources)


def test_what_is_used_is_not_available_and_comes_back(started: Gate, gate: Gate) -> None:
    ref = hold.options(num_cpus=1, resources={"widget": 3}).remote(started, gate)
    started.wait()

    wait_for(lambda: aktis.available_resources()["widget"] == 1)
    wait_for(lambda: aktis.available_resources()["CPU"] == 3)
    gate.open()
    aktis.get(ref)
    wait_for(lambda: aktis.available_resources().get("widget") == 4)
    wait_for(lambda: aktis.available_resources()["CPU"] == 4)


def test_what_is_used_up_is_left_out(started: Gate, gate: Gate) -> None:
    ref = hold.options(resources={"widget": 4}).remote(started, gate)
    started.wait()

    wait_for(lambda: "widget" not in aktis.available_resources())
    gate.open()
    aktis.get(ref)


def test_nodes_are_listed_with_their_resources_and_labels() -> None:
    (node,) = aktis.nodes()

    assert node["Alive"] is True
    assert node["Resources"]["CPU"] == 4
    assert node["Labels"]["zone"] == "north"
    assert node["NodeID"] == aktis.get_runtime_context().get_node_id()
    assert {"NodeManagerAddress", "NodeManagerHostname", "NodeName"} <= set(node)


def test_a_task_holds_one_cpu_by_default() -> None:
    assert aktis.get(assigned.remote()) == {"CPU": 1}


def test_a_task_is_told_what_it_holds() -> None:
    demanding = assigned.options(num_cpus=2, resources={"widget": 0.5}, memory=1024**2)

    assert aktis.get(demanding.remote()) == {"CPU": 2, "widget": 0.5, "memory": 1024**2}


@pytest.mark.parametrize(("amount", "at_once"), [(1.0, 4), (2.0, 2), (0.5, 8), (3, 1)])
def test_as_many_tasks_run_as_their_demands_fit(
    amount: float, at_once: int, tmp_path: Path
) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(at_once + 1)]
    end = Gate(tmp_path / "end")
    refs = [
        hold.options(num_cpus=0, resources={"widget": amount}).remote(gate, end) for gate in gates
    ]

    wait_for(lambda: sum(gate.is_open() for gate in gates) == at_once)
    assert aktis.wait(refs, timeout=0.2) == ([], refs)
    assert sum(gate.is_open() for gate in gates) == at_once
    end.open()
    aktis.get(refs)


def test_demands_are_exact_to_a_ten_thousandth(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(index)) for index in range(3)]
    end = Gate(tmp_path / "end")
    demands = [1.3333, 1.3333, 1.3334]
    refs = [
        hold.options(num_cpus=0, resources={"widget": demand}).remote(gate, end)
        for gate, demand in zip(gates, demands, strict=True)
    ]

    wait_for(lambda: all(gate.is_open() for gate in gates))
    end.open()
    aktis.get(refs)
    wait_for(lambda: aktis.available_resources().get("widget") == 4)


def test_a_task_that_needs_nothing_runs_beside_a_full_node(started: Gate, gate: Gate) -> None:
    ref = hold.options(num_cpus=4).remote(started, gate)
    started.wait()

    assert aktis.get(assigned.options(num_cpus=0).remote(), timeout=30) == {}
    gate.open()
    aktis.get(ref)


def test_a_large_demand_is_not_starved_by_small_ones(started: Gate, gate: Gate) -> None:
    ref = hold.remote(started, gate)
    started.wait()
    large = assigned.options(num_cpus=4).remote()
    small = [assigned.remote() for _ in range(20)]
    aktis.get(small)
    gate.open()

    assert aktis.get(large, timeout=30) == {"CPU": 4}
    aktis.get(ref)


def test_memory_is_a_resource_like_others() -> None:
    total = aktis.cluster_resources()["memory"]

    assert aktis.get(assigned.options(memory=total / 2).remote())["memory"] == int(total / 2)


def test_a_blocked_task_keeps_its_custom_resources(started: Gate, gate: Gate) -> None:
    @aktis.remote(resources={"widget": 3})
    def block() -> None:
        aktis.get(hold.remote(started, gate))

    blocked = block.remote()
    started.wait()
    other = assigned.options(num_cpus=0, resources={"widget": 3}).remote()

    assert aktis.wait([other], timeout=0.2) == ([], [other])
    gate.open()
    aktis.get([blocked, other])


def test_a_gpu_task_is_given_devices_and_sees_only_them() -> None:
    ids, visible = aktis.get(devices.options(num_gpus=1).remote())

    assert len(ids) == 1
    assert visible == str(ids[0])


def test_two_gpus_are_two_devices() -> None:
    ids, visible = aktis.get(devices.options(num_gpus=2).remote())

    assert sorted(ids) == [0, 1]
    assert sorted(str(visible).split(",")) == ["0", "1"]


def test_halves_of_one_gpu_share_a_device_and_whole_ones_do_not() -> None:
    holders = [Device.options(num_gpus=0.5).remote() for _ in range(2)]
    halves = [aktis.get(holder.ids.remote()) for holder in holders]
    whole = Device.options(num_gpus=1).remote()

    assert halves[0] == halves[1]
    assert aktis.get(whole.ids.remote()) != halves[0]


def test_devices_are_known_by_kind() -> None:
    @aktis.remote(num_gpus=1)
    def accelerators() -> dict[str, list[str]]:
        return aktis.get_runtime_context().get_accelerator_ids()

    ids = aktis.get(accelerators.remote())

    assert [str(device) for device in ids["GPU"]] in (["0"], ["1"])


def test_a_driver_is_assigned_no_gpu() -> None:
    assert aktis.get_gpu_ids() == []


@pytest.mark.parametrize(("cpus", "threads"), [(1, "1"), (2, "2"), (0.5, "1"), (3, "3")])
def test_math_libraries_are_told_how_many_threads_to_use(
    cpus: float, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    @aktis.remote
    def thread_count() -> str | None:
        return os.environ.get("OMP_NUM_THREADS")

    assert aktis.get(thread_count.options(num_cpus=cpus).remote()) == threads


@aktis.remote
def assigned() -> dict[str, float]:
    return aktis.get_runtime_context().get_assigned_resources()


@aktis.remote
def hold(started: Gate, gate: Gate) -> None:
    started.open()
    gate.wait()


@aktis.remote
def devices() -> tuple[list[Any], str | None]:
    return aktis.get_gpu_ids(), os.environ.get("CUDA_VISIBLE_DEVICES")


@aktis.remote
class Device:
    def ids(self) -> list[Any]:
        return aktis.get_gpu_ids()
