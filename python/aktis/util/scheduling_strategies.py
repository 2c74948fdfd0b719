"""Where a task or an actor may run, as programs say it with `scheduling_strategy=`.

Owns the classes and what they refuse. Does not own how they are followed (the engine): each gives
itself as a plain tuple with `as_placement`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis.labels import Rule
    from aktis.util.placement_group import PlacementGroup

__all__ = [
    "DoesNotExist",
    "Exists",
    "In",
    "NodeAffinitySchedulingStrategy",
    "NodeLabelSchedulingStrategy",
    "NotIn",
    "PlacementGroupSchedulingStrategy",
    "SchedulingStrategyT",
]

ANY_BUNDLE = -1
_NODE_ID_HEX_LEN = 56


class PlacementGroupSchedulingStrategy:
    """In a bundle of a placement group.

    Args:
        placement_group: The group.
        placement_group_bundle_index: Which bundle; -1 is any.
        placement_group_capture_child_tasks: Whether tasks that the task starts go there too; None
            is as the parent has it.
    """

    def __init__(
        self,
        placement_group: PlacementGroup,
        placement_group_bundle_index: int = ANY_BUNDLE,
        placement_group_capture_child_tasks: bool | None = None,  # noqa: FBT001 - Ray's signature
    ) -> None:
        if placement_group is None:
            message = "placement_group must be a PlacementGroup; use None as the whole strategy"
            raise ValueError(message)
        self.placement_group = placement_group
        self.placement_group_bundle_index = placement_group_bundle_index
        self.placement_group_capture_child_tasks = placement_group_capture_child_tasks

    def as_placement(self) -> tuple[Any, ...]:
        """The strategy in the engine's words."""
        index = self.placement_group_bundle_index
        bundle = None if index == ANY_BUNDLE else index
        return ("group", self.placement_group.id.binary(), bundle)


class NodeAffinitySchedulingStrategy:
    """On one node.

    Args:
        node_id: The node, in hexadecimal.
        soft: Whether another node will do if that one is gone or can never hold it.
    """

    def __init__(
        self,
        node_id: str,
        soft: bool,  # noqa: FBT001 - Ray's signature
        _spill_on_unavailable: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
        _fail_on_unavailable: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
    ) -> None:
        if len(node_id) != _NODE_ID_HEX_LEN or not _is_hexadecimal(node_id):
            message = f"{node_id!r} is no id of a node: {_NODE_ID_HEX_LEN} hexadecimal digits"
            raise ValueError(message)
        if _spill_on_unavailable and not soft:
            message = "_spill_on_unavailable needs soft=True"
            raise ValueError(message)
        if _fail_on_unavailable and soft:
            message = "_fail_on_unavailable needs soft=False"
            raise ValueError(message)
        if _spill_on_unavailable or _fail_on_unavailable:
            message = (
                "_spill_on_unavailable and _fail_on_unavailable are not there yet: a task waits "
                "for the node it names"
            )
            raise NotImplementedError(message)
        self.node_id = node_id
        self.soft = soft

    def as_placement(self) -> tuple[Any, ...]:
        """The strategy in the engine's words."""
        return ("node", self.node_id, self.soft)


class In:
    """The label has one of these values."""

    def __init__(self, *values: str) -> None:
        self.values = list(_checked_values(values))

    def as_rule(self, label: str) -> Rule:
        """The condition on one label."""
        return label, self.values, False


class NotIn:
    """The label has none of these values."""

    def __init__(self, *values: str) -> None:
        self.values = list(_checked_values(values))

    def as_rule(self, label: str) -> Rule:
        """The condition on one label."""
        return label, self.values, True


class Exists:
    """The label is there."""

    def as_rule(self, label: str) -> Rule:
        """The condition on one label."""
        return label, None, False


class DoesNotExist:
    """The label is not there."""

    def as_rule(self, label: str) -> Rule:
        """The condition on one label."""
        return label, None, True


LabelCondition: TypeAlias = In | NotIn | Exists | DoesNotExist


class NodeLabelSchedulingStrategy:
    """On a node with certain labels.

    Args:
        hard: Conditions that must hold, by label.
        soft: Conditions that should.
    """

    def __init__(
        self,
        hard: Mapping[str, LabelCondition] | None,
        *,
        soft: Mapping[str, LabelCondition] | None = None,
    ) -> None:
        self.hard = _checked_conditions(hard)
        self.soft = _checked_conditions(soft)
        if not self.hard and not self.soft:
            message = "a strategy by labels needs at least one condition, hard or soft"
            raise ValueError(message)

    def as_placement(self) -> tuple[Any, ...]:
        """The strategy in the engine's words."""
        hard = [condition.as_rule(label) for label, condition in self.hard.items()]
        soft = [condition.as_rule(label) for label, condition in self.soft.items()]
        return ("labels", hard, soft)


SchedulingStrategyT: TypeAlias = (
    Literal["DEFAULT", "SPREAD"]
    | PlacementGroupSchedulingStrategy
    | NodeAffinitySchedulingStrategy
    | NodeLabelSchedulingStrategy
    | None
)


def _checked_values(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        message = "name at least one value"
        raise ValueError(message)
    for value in values:
        if not isinstance(value, str):
            message = f"the values of labels are strings, not {value!r}"
            raise TypeError(message)
    return values


def _checked_conditions(
    conditions: Mapping[str, LabelCondition] | None,
) -> dict[str, LabelCondition]:
    for label, condition in (conditions or {}).items():
        if not hasattr(condition, "as_rule"):
            message = (
                f"write conditions as {{label: In(...)}}, with In, NotIn, Exists or DoesNotExist, "
                f"not {label!r}: {condition!r}"
            )
            raise TypeError(message)
    return dict(conditions or {})


def _is_hexadecimal(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
