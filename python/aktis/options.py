"""Every option of tasks, actors and methods: where it may be given, its values, what it means.

Owns the one table of options and the rules between them. Does not own what becomes of them
(`aktis.placing`, `aktis.remote_function`, `aktis.actors`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from aktis import labels
from aktis.runtime_env import RuntimeEnv

Place = Literal["task", "task call", "actor", "actor call", "method", "method call"]

DEFAULT_GROUP = "default"
FORBIDDEN_RESOURCES = frozenset({"CPU", "GPU", "bundle", "memory", "object_store_memory"})
STRATEGIES = ("DEFAULT", "SPREAD")
LIFETIMES = ("detached", "non_detached")
RETURNS_IN_WORDS = ("streaming", "dynamic")
COUNT_MAX = (1 << 32) - 1

_TASK: frozenset[Place] = frozenset({"task", "task call"})
_ACTOR: frozenset[Place] = frozenset({"actor", "actor call"})
_METHOD: frozenset[Place] = frozenset({"method", "method call"})


class Option(NamedTuple):
    """One option: `check` raises unless a value makes sense."""

    name: str
    places: frozenset[Place]
    check: Callable[[str, Any], None]
    sentence: str


def checked(place: Place, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, once each of them and their combination made sense.

    Raises:
        TypeError: a value is of the wrong type.
        ValueError: an option or a value is not known here; the message lists the options that are.
        NotImplementedError: this version lacks what the value asks for.
    """
    known = _BY_PLACE[place]
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            raise _not_known(place, name)
        option.check(name, value)
    _check_together(options)
    return dict(options)


def names_of(place: Place) -> list[str]:
    """The options that may be given there, in the order of the alphabet."""
    return sorted(_BY_PLACE[place])


def check_actor(options: Mapping[str, Any], *, is_async: bool) -> None:
    """Raises `ValueError` where options of one actor contradict each other or its class."""
    if options.get("get_if_exists") and not options.get("name"):
        message = "get_if_exists=True needs the name of the actor to look for"
        raise ValueError(message)
    concurrent = is_async or (options.get("max_concurrency") or 1) > 1
    if options.get("allow_out_of_order_execution") is False and concurrent:
        message = "calls of an async or threaded actor cannot be kept in order"
        raise ValueError(message)


def check_returns(returns: object, *, name: str, is_generator: bool) -> None:
    """Raises `ValueError` if a number of returns in words is asked of what is no generator."""
    if isinstance(returns, str) and not is_generator:
        message = (
            f"num_returns={returns!r} is for generators, and {name} is none; use yield, or a number"
        )
        raise ValueError(message)
    if returns == "dynamic":
        import warnings

        from aktis._kernel import tracebacks

        message = 'num_returns="dynamic" is deprecated; use num_returns="streaming"'
        warnings.warn(message, DeprecationWarning, stacklevel=tracebacks.level_of_user())


def _not_known(place: Place, name: str) -> ValueError:
    kind = place.split()[0]
    if place.endswith("call") and name in _BY_PLACE[_DECORATOR_OF[place]]:
        return ValueError(f"{name} belongs into the decorator of the {kind}, not into .options()")
    known = ", ".join(names_of(place))
    article = "an" if kind == "actor" else "a"
    return ValueError(f"{name!r} is no option of {article} {kind}; the options are: {known}")


def _check_together(options: Mapping[str, Any]) -> None:
    group = options.get("placement_group", DEFAULT_GROUP)
    if options.get("scheduling_strategy") is not None and group not in {DEFAULT_GROUP, None}:
        message = (
            "give scheduling_strategy or placement_group, not both: "
            "PlacementGroupSchedulingStrategy says all that placement_group can say"
        )
        raise ValueError(message)
    if options.get("fallback_strategy") and not options.get("label_selector"):
        message = "fallback_strategy says what to do instead of label_selector; give that too"
        raise ValueError(message)


# The checks take an option's name and its value; None is always "not given".


def _wrong(name: str, value: object, wanted: str) -> TypeError:
    return TypeError(f"{name} must be {wanted}, not {value!r}")


def _bad(name: str, value: object, wanted: str) -> ValueError:
    return ValueError(f"{name} must be {wanted}, not {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_amount(name: str, value: Any) -> None:
    """Raises unless the value is an amount of a resource."""
    if value is None:
        return
    if not _is_number(value):
        raise _wrong(name, value, "a number")
    if not 0 <= value < float("inf"):
        raise _bad(name, value, "zero or more")


def _devices(name: str, value: Any) -> None:
    check_amount(name, value)
    if value is not None and value > 1 and value != int(value):
        raise _bad(name, value, "at most 1, or a whole number")


def _resources(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a dict of amounts by name")
    for resource, amount in value.items():
        if not isinstance(resource, str):
            raise _wrong(name, resource, "a dict whose keys are strings")
        if resource in FORBIDDEN_RESOURCES:
            message = f"resources must not name {resource!r}: it has an option, or is the engine's"
            raise ValueError(message)
        check_amount(f"resources[{resource!r}]", amount)


def _count_from(least: int) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(name, value, "a whole number")
        if value < least:
            raise _bad(name, value, f"at least {least}")

    return check


def _limit_or_none(name: str, value: Any) -> None:
    _count_from(-1)(name, value)
    if value == 0:
        raise _bad(name, value, "-1 for no limit, or at least 1")


def _returns(name: str, value: Any) -> None:
    if isinstance(value, str):
        if value not in RETURNS_IN_WORDS:
            raise _bad(name, value, 'a number, "streaming" or "dynamic"')
    else:
        _count_from(0)(name, value)


def _truth(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, value, "True or False")


def _text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise _wrong(name, value, "a string")


def _text_not_empty(name: str, value: Any) -> None:
    _text(name, value)
    if value == "":
        raise _bad(name, value, "a string that is not empty")


def _retry_exceptions(name: str, value: Any) -> None:
    if value is None or isinstance(value, bool):
        return
    if not isinstance(value, list | tuple):
        raise _wrong(name, value, "True, False or a list of exception classes")
    for kind in value:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise _wrong(name, kind, "a list of exception classes only")


def _seconds(name: str, value: Any) -> None:
    if value is None:
        return
    if not _is_number(value):
        raise _wrong(name, value, "a number of seconds")
    if not 0 < value < float("inf"):
        raise _bad(name, value, "more than zero")


def _strategy(name: str, value: Any) -> None:
    if isinstance(value, str):
        if value not in STRATEGIES:
            raise _bad(name, value, '"DEFAULT", "SPREAD" or a strategy object')
    elif value is not None and not hasattr(value, "as_placement"):
        raise _wrong(name, value, '"DEFAULT", "SPREAD" or a strategy object')


def _group(name: str, value: Any) -> None:
    if value in {DEFAULT_GROUP, None} if isinstance(value, str | None) else hasattr(value, "id"):
        return
    raise _wrong(name, value, f'a PlacementGroup, "{DEFAULT_GROUP}" or None')


def _selector(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a dict of selectors by label")
    labels.rules_of(value)


def _fallback(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        raise _wrong(name, value, "a list of dicts")
    for one in value:
        if not isinstance(one, Mapping):
            raise _wrong(name, one, "a list of dicts")
        if set(one) != {"label_selector"} or not one["label_selector"]:
            raise _bad(name, one, 'a list of dicts of the form {"label_selector": {...}}')
        _selector("label_selector", one["label_selector"])


def _labels(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a dict of strings")
    for label, text in value.items():
        labels.checked_label(label, text)


def _environment(_name: str, value: Any) -> None:
    RuntimeEnv.of(value)


def _lifetime(name: str, value: Any) -> None:
    _text(name, value)
    if value is not None and value not in LIFETIMES:
        raise _bad(name, value, '"detached" or "non_detached"')


def _limits(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a dict of limits by group")
    for group, limit in value.items():
        _text_not_empty("a concurrency group", group)
        _count_from(1)(f"the limit of concurrency group {group!r}", limit)


def _only(*allowed: object) -> Callable[[str, Any], None]:
    """For what Ray can do and this version cannot: the values that ask for nothing special."""

    def check(name: str, value: Any) -> None:
        if value not in allowed:
            message = f"{name}={value!r} is not there yet; leave the option out"
            raise NotImplementedError(message)

    return check


_NO = (False,)

OPTIONS: tuple[Option, ...] = (
    Option("num_cpus", _TASK | _ACTOR, check_amount, "CPUs held; 1 for a task."),
    Option("num_gpus", _TASK | _ACTOR, _devices, "GPUs held."),
    Option("resources", _TASK | _ACTOR, _resources, "Other amounts held, by name."),
    Option("memory", _TASK | _ACTOR, check_amount, "Bytes of memory set aside."),
    Option("object_store_memory", _TASK | _ACTOR, _only(None), "Not there yet."),
    Option("accelerator_type", _TASK | _ACTOR, _text_not_empty, "The kind of device needed."),
    Option("runtime_env", _TASK | _ACTOR, _environment, "What the process brings along."),
    Option("scheduling_strategy", _TASK | _ACTOR, _strategy, "Where it runs."),
    Option("label_selector", _TASK | _ACTOR, _selector, "Labels its node must have."),
    Option("fallback_strategy", _TASK | _ACTOR, _fallback, "Selectors to try if that one fails."),
    Option("placement_group", _TASK | _ACTOR, _group, "Deprecated: the group it runs in."),
    Option("placement_group_bundle_index", _TASK | _ACTOR, _count_from(-1), "Deprecated."),
    Option("placement_group_capture_child_tasks", _TASK | _ACTOR, _truth, "Deprecated."),
    Option("name", _TASK | {"method call"}, _text, "What people call it."),
    Option("name", _ACTOR, _text_not_empty, "How `get_actor` finds it."),
    Option("enable_task_events", _TASK | _ACTOR | _METHOD, _truth, "Whether lists show it."),
    Option("_labels", _TASK | _ACTOR | {"method call"}, _labels, "Labels of its own."),
    Option("num_returns", _TASK | _METHOD, _returns, "How many refs a call gives."),
    Option("max_retries", _TASK, _count_from(-1), "Further attempts; -1 is without end."),
    Option("retry_exceptions", _TASK | _METHOD, _retry_exceptions, "Errors tried again."),
    Option("max_calls", frozenset({"task"}), _count_from(0), "Calls until the worker ends."),
    Option("timeout_s", _TASK, _seconds, "How long one attempt may run."),
    Option(
        "_generator_backpressure_num_objects",
        _TASK | _METHOD,
        _limit_or_none,
        "How many items may wait for their consumer.",
    ),
    Option(
        "_num_objects_per_yield", frozenset({"task", "method"}), _only(None, 1), "Not there yet."
    ),
    Option("max_restarts", _ACTOR, _count_from(-1), "How often it is made again."),
    Option("max_task_retries", _ACTOR | _METHOD, _count_from(-1), "Further attempts of each call."),
    Option("max_pending_calls", _ACTOR, _limit_or_none, "Unfinished calls of one caller."),
    Option("max_concurrency", _ACTOR, _count_from(1), "Calls that run at once."),
    Option("concurrency_groups", frozenset({"actor"}), _limits, "Limits of groups of methods."),
    Option("allow_out_of_order_execution", _ACTOR, _truth, "Whether calls may overtake."),
    Option("namespace", _ACTOR, _text_not_empty, "Where its name is known."),
    Option("get_if_exists", _ACTOR, _truth, "Whether an actor of the name will do."),
    Option("lifetime", _ACTOR, _lifetime, "Whether it outlives its creator and its handles."),
    Option("enable_tensor_transport", _ACTOR, _only(None, *_NO), "Not there yet."),
    Option("_actor_generator_backpressure_num_objects", _ACTOR, _only(None, -1), "Not there yet."),
    Option("concurrency_group", _METHOD, _text_not_empty, "The group a call runs in."),
    Option("tensor_transport", _METHOD, _only(None, "object_store"), "Not there yet."),
)
_PLACES: tuple[Place, ...] = ("task", "task call", "actor", "actor call", "method", "method call")
_BY_PLACE: dict[Place, dict[str, Option]] = {
    place: {option.name: option for option in OPTIONS if place in option.places}
    for place in _PLACES
}
_DECORATOR_OF: dict[Place, Place] = {
    "task call": "task",
    "actor call": "actor",
    "method call": "method",
}
