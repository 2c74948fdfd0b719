"""What options ask for in the engine's words: amounts, place, environment.

Owns defaults of resources, the meaning of strategies and of capture by placement groups. Does not
own the options' names and checks (`aktis.options`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from aktis import labels
from aktis._kernel import context, queries, session
from aktis.options import DEFAULT_GROUP
from aktis.runtime_env import RuntimeEnv, inherited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis._kernel.session import Session

Strategy: TypeAlias = tuple[Any, ...]
# The job, its environment, and the placement group of its children; None in a driver.
Caller: TypeAlias = tuple[int, str, bytes | None] | None

PACK: Strategy = ("pack",)
SPREAD: Strategy = ("spread",)
# How much of `accelerator_type:<T>` a task takes: many fit, but only where there is such a device.
ACCELERATOR_SHARE = 0.001


def amounts(options: Mapping[str, Any], *, cpus: float) -> dict[str, float]:
    """The resources that options ask for, with this many CPUs if they do not say."""
    asked = options.get("num_cpus")
    found = {
        **(options.get("resources") or {}),
        "CPU": cpus if asked is None else asked,
        "GPU": options.get("num_gpus") or 0,
        "memory": int(options.get("memory") or 0),
    }
    if options.get("accelerator_type"):
        found[f"accelerator_type:{options['accelerator_type']}"] = ACCELERATOR_SHARE
    return {name: float(amount) for name, amount in found.items() if amount}


def names_resources(options: Mapping[str, Any]) -> bool:
    """Whether options ask for anything but CPUs and memory."""
    return bool(
        options.get("num_gpus") or options.get("resources") or options.get("accelerator_type")
    )


def environment(options: Mapping[str, Any]) -> str:
    """The runtime environment that options lead to, in canonical form, below that of the caller.

    It also says whether children are to follow into the placement group, since that, too, is handed
    down from task to task.
    """
    task = context.current()
    parent = session.require().default_environment if task is None else task.environment
    given = options.get("runtime_env")
    child = _own_environment(given) if given else ""
    return inherited(parent, child, captures=_captures(options))


def _own_environment(given: Mapping[str, Any]) -> str:
    own = RuntimeEnv.of(given)
    if own.setup_hook() is not None:
        message = "a worker_process_setup_hook is of a whole job: give it to init()"
        raise ValueError(message)
    return own.expanded().serialize()


def caller(here: Session) -> Caller:
    """What children inherit from what runs here; all else is the same for every caller."""
    if here.is_driver:
        return None
    task = context.current()
    if task is None:
        return here.job_id, here.default_environment, None
    return here.job_id, task.environment, _captured()


def _captured() -> bytes | None:
    """The placement group into which the task that runs here takes its children, if it does."""
    task = context.current()
    return task.group_id if task is not None and task.capture_child_tasks else None


def _captures(options: Mapping[str, Any]) -> bool:
    """Whether the children of what has these options go to its placement group as well."""
    named = options.get("scheduling_strategy")
    capture = getattr(named, "placement_group_capture_child_tasks", None)
    if capture is None:
        capture = options.get("placement_group_capture_child_tasks")
    if capture is not None:
        return bool(capture)
    inherits = named is None or hasattr(named, "placement_group")
    return inherits and _captured() is not None


def strategy(options: Mapping[str, Any], demand: Mapping[str, float]) -> Strategy:
    """Where something with these options runs that needs `demand` to be placed.

    Raises:
        ValueError: it can never fit into the placement group that options name.
    """
    named: Any = options.get("scheduling_strategy")
    selector = options.get("label_selector")
    group = options.get("placement_group", DEFAULT_GROUP)
    if group is not None and group != DEFAULT_GROUP:
        if selector:
            message = (
                "label_selector together with placement_group is not there yet; select the nodes "
                "of bundles by placement_group(..., bundle_label_selector=...)"
            )
            raise NotImplementedError(message)
        index = options.get("placement_group_bundle_index")
        return _in_group(group, -1 if index is None else index, demand)
    if selector:
        return _by_labels(selector, options.get("fallback_strategy") or [], named)
    if hasattr(named, "placement_group_bundle_index"):
        return _in_group(named.placement_group, named.placement_group_bundle_index, demand)
    if named is None and group is not None:
        inside = _captured()
        return PACK if inside is None else ("group", inside, None)
    if named == "SPREAD":
        return SPREAD
    return PACK if named in {None, "DEFAULT"} else named.as_placement()


def _in_group(group: Any, index: int, demand: Mapping[str, float]) -> Strategy:
    bundles: list[dict[str, float]] = group.bundle_specs
    if not -1 <= index < len(bundles):
        message = f"the placement group has {len(bundles)} bundles, so there is no bundle {index}"
        raise ValueError(message)
    candidates = bundles if index < 0 else [bundles[index]]
    if not any(_fits(demand, bundle) for bundle in candidates):
        message = (
            f"{dict(demand)} never fits into "
            f"{'any bundle' if index < 0 else f'bundle {index}'} of the placement group, "
            f"which has {candidates}"
        )
        raise ValueError(message)
    return ("group", group.id.binary(), None if index < 0 else index)


def _fits(demand: Mapping[str, float], bundle: Mapping[str, float]) -> bool:
    return all(bundle.get(name, 0) >= amount for name, amount in demand.items())


def _by_labels(
    selector: Mapping[str, str], fallbacks: list[dict[str, Any]], named: object
) -> Strategy:
    """The first selector that some living node satisfies; the first of all if none does."""
    if named not in {None, "DEFAULT"}:
        message = f"label_selector together with scheduling_strategy={named!r} is not there yet"
        raise NotImplementedError(message)
    selectors = [selector, *(one["label_selector"] for one in fallbacks)]
    rules = [labels.rules_of(one) for one in selectors]
    chosen = rules[0]
    if fallbacks:
        living = [node["labels"] for node in queries.nodes() if node["alive"]]
        chosen = next(
            (one for one in rules if any(labels.holds(one, found) for found in living)), rules[0]
        )
    return ("labels", chosen, [])
