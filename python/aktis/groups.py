"""Placement groups: bundles of resources that are reserved together, all or none.

Owns the public form and its checks. Does not own where bundles lie nor when they are there (the
engine). The public module path is `aktis.util.placement_group`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aktis import labels, options as option_table
from aktis._kernel import context, objects, queries, session, submit
from aktis.exceptions import GetTimeoutError
from aktis.ids import PlacementGroupID

if TYPE_CHECKING:
    from aktis.types import ObjectRef

STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")
READY_TIMEOUT_S = 30.0
REMOVED = "REMOVED"

Bundle = dict[str, float]


class PlacementGroup:
    """Names a placement group; it can be sent anywhere in the cluster."""

    def __init__(self, id: PlacementGroupID, bundle_cache: list[Bundle] | None = None) -> None:  # noqa: A002 - Ray's signature
        """The group of this id; its bundles are asked for when they are needed."""
        self.id = id
        self._bundles = bundle_cache

    @staticmethod
    def empty() -> PlacementGroup:
        """A group that stands for none."""
        return PlacementGroup(PlacementGroupID.nil(), [])

    @property
    def is_empty(self) -> bool:
        """Whether it stands for none."""
        return self.id.is_nil()

    @property
    def bundle_specs(self) -> list[Bundle]:
        """What each bundle holds."""
        if self._bundles is None:
            self._bundles = [dict(one) for one in _described(self.id)["bundles"]]
        return [dict(one) for one in self._bundles]

    @property
    def bundle_count(self) -> int:
        """How many bundles there are."""
        return len(self.bundle_specs)

    def ready(self) -> ObjectRef[PlacementGroup]:
        """Returns a ref that is ready, with this group as its value, once all is reserved."""
        return submit.group_ready_ref(self.id.binary(), self)

    def wait(self, timeout_seconds: float = READY_TIMEOUT_S) -> bool:
        """Waits until all is reserved, and returns whether it was in time."""
        try:
            objects.get_one(self.ready(), timeout_seconds)
        except GetTimeoutError:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlacementGroup) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"PlacementGroup({self.id.hex()})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PlacementGroup, (self.id, self._bundles)


def placement_group(  # noqa: PLR0917 - Ray's signature
    bundles: Sequence[Mapping[str, float]],
    strategy: str | None = None,
    name: str = "",
    lifetime: str | None = None,
    _soft_target_node_id: str | None = None,
    bundle_label_selector: Sequence[Mapping[str, str]] | None = None,
    topology_strategy: Mapping[str, str] | None = None,
) -> PlacementGroup:
    """Reserves bundles, all or none, and returns at once; `wait` and `ready` say when they are.

    The group goes with its job, or, if `lifetime` is "detached", when it is removed.
    `bundle_label_selector` has a selector for each bundle, by the labels of nodes.

    Raises:
        ValueError: a bundle is empty, or what the arguments say makes no sense.
        NotImplementedError: a kind of placement that this version lacks.
    """
    absent = {
        "_soft_target_node_id": _soft_target_node_id,
        "topology_strategy": topology_strategy,
    }
    for option, value in absent.items():
        if value:
            message = f"{option} of placement groups is not there yet; leave it out"
            raise NotImplementedError(message)
    chosen = "PACK" if strategy is None else strategy
    if chosen not in STRATEGIES:
        message = f"strategy must be one of {', '.join(STRATEGIES)}, not {strategy!r}"
        raise ValueError(message)
    if lifetime not in {None, "detached"}:
        message = f'lifetime must be None or "detached", not {lifetime!r}'
        raise ValueError(message)
    checked = _checked_bundles(bundles)
    selectors = _checked_selectors(bundle_label_selector or [], len(checked))
    session.require()
    made = submit.create_group(
        checked, chosen, name or "", selectors=selectors, detached=lifetime == "detached"
    )
    return PlacementGroup(PlacementGroupID(made), checked)


def remove_placement_group(placement_group: PlacementGroup) -> None:
    """Gives the bundles back, and ends the tasks and actors inside; does not wait for that."""
    if not isinstance(placement_group, PlacementGroup):
        message = f"remove_placement_group() takes a PlacementGroup, not {placement_group!r}"
        raise TypeError(message)
    submit.remove_group(placement_group.id.binary())


def get_placement_group(placement_group_name: str) -> PlacementGroup:
    """Finds a placement group of this namespace by its name.

    Raises:
        ValueError: no group has the name.
    """
    if not placement_group_name:
        message = "the name of a placement group is a string that is not empty"
        raise ValueError(message)
    here = session.require()
    found = queries.group_named(placement_group_name, here.namespace)
    if found is None or found["state"] == REMOVED:
        message = (
            f"no placement group is named {placement_group_name!r} in the namespace "
            f"{here.namespace!r}"
        )
        raise ValueError(message)
    bundles = [dict(one) for one in found["bundles"]]
    return PlacementGroup(PlacementGroupID(found["group_id"]), bundles)


def placement_group_table(placement_group: PlacementGroup | None = None) -> dict[str, Any]:
    """Describes one placement group, or all of them by their ids in hexadecimal."""
    session.require()
    if placement_group is not None:
        return _row(_described(placement_group.id))
    return {found["group_id"].hex(): _row(found) for found in queries.groups()}


def get_current_placement_group() -> PlacementGroup | None:
    """The placement group in which the caller runs, if it runs in one."""
    task = context.current()
    group = None if task is None else task.group_id
    return None if group is None else PlacementGroup(PlacementGroupID(group))


def _checked_bundles(bundles: Sequence[Mapping[str, float]]) -> list[Bundle]:
    if not isinstance(bundles, list | tuple):
        message = f"bundles must be a list of dicts of amounts, not {bundles!r}"
        raise ValueError(message)  # noqa: TRY004 - programs written for Ray catch ValueError
    if not bundles:
        message = "a placement group needs at least one bundle"
        raise ValueError(message)
    return [_checked_bundle(bundle) for bundle in bundles]


def _checked_bundle(bundle: Mapping[str, float]) -> Bundle:
    if not isinstance(bundle, Mapping):
        message = f"a bundle must be a dict of amounts by name, not {bundle!r}"
        raise ValueError(message)  # noqa: TRY004 - programs written for Ray catch ValueError
    for resource, amount in bundle.items():
        option_table.check_amount(f"bundle[{resource!r}]", amount)
    kept = {resource: float(amount) for resource, amount in bundle.items() if amount}
    if not kept:
        message = f"a bundle must hold more than nothing: {bundle!r}"
        raise ValueError(message)
    if "memory" in kept:
        kept["memory"] = float(math.floor(kept["memory"]))
    return kept


def _checked_selectors(
    selectors: Sequence[Mapping[str, str]], count: int
) -> list[list[labels.Rule]]:
    if selectors and len(selectors) != count:
        message = (
            f"bundle_label_selector needs one selector for each of the {count} bundles, "
            f"not {len(selectors)}"
        )
        raise ValueError(message)
    return [labels.rules_of(selector) for selector in selectors]


def _described(group: PlacementGroupID) -> dict[str, Any]:
    binary = group.binary()
    for found in queries.groups():
        if found["group_id"] == binary:
            return found
    message = f"the cluster knows no placement group {group.hex()}; it may be of an earlier session"
    raise ValueError(message)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    bundles = dict(enumerate(dict(one) for one in found["bundles"]))
    places = dict(enumerate(node.hex() for node in found["nodes"]))
    return {
        "placement_group_id": found["group_id"].hex(),
        "name": found["name"],
        "namespace": found["namespace"],
        "bundles": bundles,
        "bundles_to_node_id": places,
        "strategy": found["strategy"],
        "state": found["state"],
        "is_detached": found["detached"],
        "stats": {"scheduling_state": found["why"] or found["state"]},
    }
