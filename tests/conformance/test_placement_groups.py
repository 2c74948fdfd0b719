"""What a placement group reserves, who runs inside it, and how it ends.

Owns groups and their strategies on one node. Other strategies are in `test_scheduling_strategies`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest

import aktis
from aktis.exceptions import (
    ActorDiedError,
    ActorPlacementGroupRemoved,
    GetTimeoutError,
    TaskPlacementGroupRemoved,
    WorkerCrashedError,
)
from aktis.util.placement_group import (
    PlacementGroup,
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from aktis.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from tests.conformance.waiting import Gate, process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture(autouse=True)
def groups() -> Iterator[None]:
    """Every group of a test is removed after it, and its resources are back."""
    yield
    for table in placement_group_table().values():
        if table["state"] != "REMOVED":
            remove_placement_group(
                PlacementGroup(aktis.PlacementGroupID.from_hex(table["placement_group_id"]))
            )
    gc.collect()
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_a_group_is_ready_when_all_its_bundles_are_reserved() -> None:
    group = placement_group([{"CPU": 1}, {"CPU": 2}])

    assert group.wait(30) is True
    assert aktis.get(group.ready(), timeout=30).id == group.id
    wait_for(lambda: aktis.available_resources().get("CPU") == 1)


def test_a_group_knows_its_bundles() -> None:
    group = placement_group([{"CPU": 1}, {"widget": 2}])

    assert group.bundle_specs == [{"CPU": 1}, {"widget": 2}]
    assert group.bundle_count == 2
    assert not group.is_empty
    assert not group.id.is_nil()


def test_a_removed_group_gives_its_resources_back() -> None:
    group = placement_group([{"CPU": 3}])
    assert group.wait(30)

    remove_placement_group(group)

    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_all_bundles_are_reserved_or_none() -> None:
    first = placement_group([{"CPU": 3}])
    assert first.wait(30)
    second = placement_group([{"CPU": 1}, {"CPU": 1}])

    assert second.wait(0.3) is False
    with pytest.raises(GetTimeoutError):
        aktis.get(second.ready(), timeout=0.1)
    wait_for(lambda: aktis.available_resources().get("CPU") == 1)
    remove_placement_group(first)
    assert second.wait(30) is True


@pytest.mark.parametrize("strategy", ["PACK", "SPREAD", "STRICT_PACK"])
def test_every_strategy_one_node_can_serve_is_served(strategy: str) -> None:
    assert placement_group([{"CPU": 1}] * 3, strategy=strategy).wait(30)


def test_a_strict_spread_over_more_nodes_than_there_are_stays_pending() -> None:
    group = placement_group([{"CPU": 1}] * 2, strategy="STRICT_SPREAD")

    assert group.wait(0.3) is False
    wait_for(lambda: aktis.available_resources().get("CPU") == 4)


def test_a_strict_spread_of_one_bundle_fits_one_node() -> None:
    assert placement_group([{"CPU": 1}], strategy="STRICT_SPREAD").wait(30)


@pytest.mark.parametrize(
    ("bundles", "options"),
    [
        ([], {}),
        ([{}], {}),
        ([{"CPU": 0}], {}),
        ([{"CPU": -1}], {}),
        ("CPU", {}),
        ([["CPU"]], {}),
        ([{"CPU": 1}], {"strategy": "SCATTER"}),
        ([{"CPU": 1}], {"lifetime": "eternal"}),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(bundles: Any, options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        placement_group(bundles, **options)


def test_a_task_runs_inside_its_group() -> None:
    group = placement_group([{"CPU": 4}])

    assert aktis.get(group_id.options(scheduling_strategy=inside(group)).remote()) == group.id.hex()


def test_a_task_may_be_submitted_before_the_group_is_ready() -> None:
    first = placement_group([{"CPU": 4}])
    assert first.wait(30)
    second = placement_group([{"CPU": 4}])
    ref = group_id.options(scheduling_strategy=inside(second)).remote()

    assert aktis.wait([ref], timeout=0.2) == ([], [ref])
    remove_placement_group(first)
    assert aktis.get(ref, timeout=30) == second.id.hex()


def test_tasks_outside_cannot_use_what_a_group_reserved() -> None:
    group = placement_group([{"CPU": 4}])
    assert group.wait(30)
    outside = group_id.remote()

    assert aktis.wait([outside], timeout=0.3) == ([], [outside])
    remove_placement_group(group)
    assert aktis.get(outside, timeout=30) is None


def test_tasks_inside_share_what_the_bundle_holds(gate: Gate, started: Gate) -> None:
    group = placement_group([{"CPU": 1}])
    first = hold.options(scheduling_strategy=inside(group)).remote(started, gate)
    started.wait()
    second = group_id.options(scheduling_strategy=inside(group)).remote()

    assert aktis.wait([second], timeout=0.2) == ([], [second])
    gate.open()
    aktis.get([first, second])


def test_a_task_may_choose_its_bundle(gate: Gate, started: Gate) -> None:
    group = placement_group([{"CPU": 1}, {"CPU": 1}])
    first = hold.options(scheduling_strategy=inside(group, bundle=0)).remote(started, gate)
    started.wait()
    same = group_id.options(scheduling_strategy=inside(group, bundle=0)).remote()
    other = group_id.options(scheduling_strategy=inside(group, bundle=1)).remote()

    assert aktis.get(other, timeout=30) == group.id.hex()
    assert aktis.wait([same], timeout=0) == ([], [same])
    gate.open()
    aktis.get([first, same])


@pytest.mark.parametrize("bundle", [2, -2])
def test_a_bundle_that_does_not_exist_is_refused(bundle: int) -> None:
    group = placement_group([{"CPU": 1}, {"CPU": 1}])

    with pytest.raises(ValueError):
        group_id.options(scheduling_strategy=inside(group, bundle=bundle)).remote()


def test_a_demand_that_fits_no_bundle_is_refused_at_the_call() -> None:
    group = placement_group([{"CPU": 1}, {"CPU": 1}])

    with pytest.raises(ValueError):
        group_id.options(num_cpus=2, scheduling_strategy=inside(group)).remote()
    with pytest.raises(ValueError):
        Inhabitant.options(resources={"widget": 1}, scheduling_strategy=inside(group)).remote()


def test_an_actor_lives_inside_its_group() -> None:
    group = placement_group([{"CPU": 2}])
    actor = Inhabitant.options(num_cpus=2, scheduling_strategy=inside(group)).remote()

    assert aktis.get(actor.group_id.remote(), timeout=30) == group.id.hex()
    assert aktis.get(actor.assigned.remote()) == {"CPU": 2}


def test_removing_a_group_ends_the_actors_inside() -> None:
    group = placement_group([{"CPU": 1}])
    actor = Inhabitant.options(num_cpus=1, scheduling_strategy=inside(group)).remote()
    process_id = aktis.get(actor.process_id.remote(), timeout=30)

    remove_placement_group(group)

    wait_for(lambda: process_is_gone(process_id))
    with pytest.raises((ActorPlacementGroupRemoved, ActorDiedError)):
        aktis.get(actor.group_id.remote(), timeout=30)


def test_removing_a_group_ends_the_tasks_inside(gate: Gate, started: Gate) -> None:
    group = placement_group([{"CPU": 1}])
    running = hold.options(scheduling_strategy=inside(group), max_retries=0).remote(started, gate)
    started.wait()

    remove_placement_group(group)

    with pytest.raises((TaskPlacementGroupRemoved, WorkerCrashedError)):
        aktis.get(running, timeout=30)


def test_a_task_in_a_removed_group_fails() -> None:
    group = placement_group([{"CPU": 1}])
    assert group.wait(30)
    remove_placement_group(group)
    wait_for(lambda: placement_group_table(group)["state"] == "REMOVED")

    with pytest.raises(TaskPlacementGroupRemoved):
        aktis.get(group_id.options(scheduling_strategy=inside(group)).remote(), timeout=30)


def test_a_group_may_be_removed_twice() -> None:
    group = placement_group([{"CPU": 1}])

    remove_placement_group(group)
    remove_placement_group(group)


def test_the_table_tells_the_state_of_a_group() -> None:
    group = placement_group([{"CPU": 1}], name="tabled", strategy="SPREAD")
    assert group.wait(30)

    table = placement_group_table(group)

    assert table["placement_group_id"] == group.id.hex()
    assert table["name"] == "tabled"
    assert table["strategy"] == "SPREAD"
    assert table["state"] == "CREATED"
    assert list(table["bundles"].values()) == [{"CPU": 1}]
    assert placement_group_table()[group.id.hex()]["state"] == "CREATED"
    remove_placement_group(group)
    wait_for(lambda: placement_group_table(group)["state"] == "REMOVED")


def test_a_pending_group_is_pending_in_the_table() -> None:
    group = placement_group([{"CPU": 1}] * 2, strategy="STRICT_SPREAD")

    assert placement_group_table(group)["state"] == "PENDING"


def test_a_named_group_is_found_by_its_name() -> None:
    group = placement_group([{"CPU": 1}], name="found")
    assert group.wait(30)

    assert get_placement_group("found").id == group.id
    assert get_placement_group("found").bundle_specs == [{"CPU": 1}]


def test_a_name_no_group_has_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        get_placement_group("nobody")


def test_a_group_may_be_an_argument() -> None:
    @aktis.remote(num_cpus=0)
    def use(group: PlacementGroup) -> Any:
        return aktis.get(group_id.options(scheduling_strategy=inside(group)).remote())

    group = placement_group([{"CPU": 1}])

    assert aktis.get(use.remote(group), timeout=30) == group.id.hex()


def test_the_driver_is_in_no_group() -> None:
    assert get_current_placement_group() is None


def test_a_task_knows_its_current_group() -> None:
    @aktis.remote
    def current() -> Any:
        group = get_current_placement_group()
        return group.id.hex() if group else None

    group = placement_group([{"CPU": 1}])

    assert aktis.get(current.options(scheduling_strategy=inside(group)).remote()) == group.id.hex()


def test_children_are_outside_unless_the_group_captures_them() -> None:
    group = placement_group([{"CPU": 2}])

    free = parent.options(scheduling_strategy=inside(group)).remote()
    captured = parent.options(scheduling_strategy=inside(group, capture=True)).remote()

    assert aktis.get(free, timeout=30) is None
    assert aktis.get(captured, timeout=30) == group.id.hex()


def test_a_child_with_the_default_strategy_escapes_a_capturing_group() -> None:
    @aktis.remote
    def escape() -> Any:
        return aktis.get(group_id.options(scheduling_strategy="DEFAULT").remote())

    group = placement_group([{"CPU": 1}])
    strategy = inside(group, capture=True)

    assert aktis.get(escape.options(scheduling_strategy=strategy).remote(), timeout=30) is None


def test_a_group_outlives_the_actor_that_created_it_as_long_as_the_job_lives() -> None:
    creator = Creator.remote()
    aktis.get(creator.create.remote("inherited"))
    process_id = aktis.get(creator.process_id.remote())

    aktis.kill(creator)

    wait_for(lambda: process_is_gone(process_id))
    assert placement_group_table(get_placement_group("inherited"))["state"] == "CREATED"


def test_bundles_may_hold_devices_and_custom_resources() -> None:
    group = placement_group([{"CPU": 1, "GPU": 1, "widget": 2}])
    device = gpu_ids.options(num_gpus=1, scheduling_strategy=inside(group))

    assert len(aktis.get(device.remote(), timeout=30)) == 1


def test_a_bundle_may_select_nodes_by_label() -> None:
    here = placement_group([{"CPU": 1}], bundle_label_selector=[{"zone": "north"}])
    nowhere = placement_group([{"CPU": 1}], bundle_label_selector=[{"zone": "south"}])

    assert here.wait(30) is True
    assert nowhere.wait(0.3) is False


def test_there_is_a_label_selector_for_each_bundle_or_for_none() -> None:
    with pytest.raises(ValueError, match="each of the 2 bundles"):
        placement_group([{"CPU": 1}] * 2, bundle_label_selector=[{"zone": "north"}])


def test_a_label_selector_beside_a_group_is_refused_rather_than_ignored() -> None:
    group = placement_group([{"CPU": 1}])

    with pytest.raises(NotImplementedError, match="bundle_label_selector"):
        group_id.options(placement_group=group, label_selector={"zone": "south"}).remote()


def test_many_groups_come_and_go() -> None:
    for _ in range(10):
        group = placement_group([{"CPU": 4}])
        assert group.wait(30)
        remove_placement_group(group)


def inside(
    group: PlacementGroup, *, bundle: int = -1, capture: bool | None = None
) -> PlacementGroupSchedulingStrategy:
    """The strategy that runs something inside a group."""
    return PlacementGroupSchedulingStrategy(
        placement_group=group,
        placement_group_bundle_index=bundle,
        placement_group_capture_child_tasks=capture,
    )


@aktis.remote
def group_id() -> Any:
    return aktis.get_runtime_context().get_placement_group_id()


@aktis.remote
def hold(started: Gate, gate: Gate) -> None:
    started.open()
    gate.wait()


@aktis.remote
def parent() -> Any:
    return aktis.get(group_id.remote())


@aktis.remote
def gpu_ids() -> list[Any]:
    return aktis.get_gpu_ids()


@aktis.remote
class Inhabitant:
    def group_id(self) -> Any:
        return aktis.get_runtime_context().get_placement_group_id()

    def process_id(self) -> int:
        return os.getpid()

    def assigned(self) -> dict[str, float]:
        return aktis.get_runtime_context().get_assigned_resources()


@aktis.remote(num_cpus=0)
class Creator:
    def create(self, name: str) -> None:
        placement_group([{"CPU": 1}], name=name).wait(30)

    def process_id(self) -> int:
        return os.getpid()
