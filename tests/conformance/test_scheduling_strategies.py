"""Where tasks and actors run when they ask for it: affinity, spread and labels, on one node.

Owns strategies. Placement groups are in `test_placement_groups`.
"""

from __future__ import annotations

from typing import Any

import pytest

import aktis
from aktis.exceptions import ActorUnschedulableError, TaskUnschedulableError
from aktis.util.scheduling_strategies import (
    DoesNotExist,
    Exists,
    In,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    NotIn,
)

pytestmark = pytest.mark.usefixtures("session")

NO_NODE = "ab" * 28


@pytest.mark.parametrize("strategy", [None, "DEFAULT", "SPREAD"])
def test_a_named_strategy_runs_the_task(strategy: str | None) -> None:
    assert aktis.get(where.options(scheduling_strategy=strategy).remote()) == here()


@pytest.mark.parametrize("soft", [True, False])
def test_affinity_to_this_node_runs_here(soft: bool) -> None:  # noqa: FBT001
    strategy = NodeAffinitySchedulingStrategy(here(), soft=soft)

    assert aktis.get(where.options(scheduling_strategy=strategy).remote()) == here()
    actor = Place.options(scheduling_strategy=strategy).remote()
    assert aktis.get(actor.where.remote()) == here()


def test_soft_affinity_to_a_missing_node_runs_elsewhere() -> None:
    strategy = NodeAffinitySchedulingStrategy(NO_NODE, soft=True)

    assert aktis.get(where.options(scheduling_strategy=strategy).remote(), timeout=30) == here()


def test_hard_affinity_to_a_missing_node_fails_the_task() -> None:
    strategy = NodeAffinitySchedulingStrategy(NO_NODE, soft=False)

    with pytest.raises(TaskUnschedulableError):
        aktis.get(where.options(scheduling_strategy=strategy).remote(), timeout=30)


def test_hard_affinity_to_a_missing_node_fails_the_actor() -> None:
    strategy = NodeAffinitySchedulingStrategy(NO_NODE, soft=False)

    with pytest.raises(ActorUnschedulableError):
        aktis.get(Place.options(scheduling_strategy=strategy).remote().where.remote(), timeout=30)


def test_affinity_needs_the_id_of_a_node() -> None:
    with pytest.raises(ValueError):
        NodeAffinitySchedulingStrategy("no hexadecimal", soft=False)


def test_spilling_over_is_for_soft_affinity_and_failing_for_hard() -> None:
    with pytest.raises(ValueError):
        NodeAffinitySchedulingStrategy(NO_NODE, soft=False, _spill_on_unavailable=True)
    with pytest.raises(ValueError):
        NodeAffinitySchedulingStrategy(NO_NODE, soft=True, _fail_on_unavailable=True)


@pytest.mark.parametrize(
    "expression",
    [In("north", "west"), NotIn("south"), Exists()],
    ids=["in", "not_in", "exists"],
)
def test_labels_that_hold_here_let_the_task_run(expression: Any) -> None:
    strategy = NodeLabelSchedulingStrategy(hard={"zone": expression})

    assert aktis.get(where.options(scheduling_strategy=strategy).remote(), timeout=30) == here()


@pytest.mark.parametrize(
    "expression",
    [In("south"), NotIn("north"), DoesNotExist()],
    ids=["in", "not_in", "does_not_exist"],
)
def test_labels_that_hold_nowhere_fail_the_task(expression: Any) -> None:
    strategy = NodeLabelSchedulingStrategy(hard={"zone": expression})

    with pytest.raises(TaskUnschedulableError, match="zone"):
        aktis.get(where.options(scheduling_strategy=strategy).remote(), timeout=2)


def test_labels_that_are_only_wished_for_do_not_hinder() -> None:
    strategy = NodeLabelSchedulingStrategy(hard={}, soft={"zone": In("south")})

    assert aktis.get(where.options(scheduling_strategy=strategy).remote(), timeout=30) == here()


def test_a_label_strategy_without_labels_is_refused() -> None:
    with pytest.raises(ValueError):
        NodeLabelSchedulingStrategy(hard={})


def test_an_actor_may_select_its_node_by_label() -> None:
    actor = Place.options(label_selector={"zone": "north"}).remote()

    assert aktis.get(actor.where.remote(), timeout=30) == here()


def test_an_actor_whose_label_no_node_has_fails() -> None:
    actor = Place.options(label_selector={"zone": "south"}).remote()

    with pytest.raises(ActorUnschedulableError, match="zone"):
        aktis.get(actor.where.remote(), timeout=2)


def test_the_id_of_a_node_of_another_session_is_no_node_of_this_one() -> None:
    number = 8
    elsewhere = NodeAffinitySchedulingStrategy("ab" * 24 + here()[-number:], soft=False)

    with pytest.raises(TaskUnschedulableError):
        aktis.get(where.options(scheduling_strategy=elsewhere).remote(), timeout=30)


def here() -> str:
    """The id of the only node."""
    return str(aktis.get_runtime_context().get_node_id())


@aktis.remote
def where() -> str:
    return aktis.get_runtime_context().get_node_id()


@aktis.remote
class Place:
    def where(self) -> str:
        return aktis.get_runtime_context().get_node_id()
