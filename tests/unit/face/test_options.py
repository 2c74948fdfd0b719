"""The table of options: what may be given where, with which values.

Owns what is refused. What an option does is tested in `tests/conformance`.
"""

from __future__ import annotations

from typing import Any

import pytest

from aktis import options
from aktis.options import Place


@pytest.mark.parametrize("place", ["task", "actor", "method"])
def test_an_unknown_option_is_refused_with_a_list_of_those_that_are(place: Place) -> None:
    with pytest.raises(ValueError, match="'colour' is no option") as caught:
        options.checked(place, {"colour": "blue"})

    for name in options.names_of(place):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("place", "name"), [("task call", "max_calls"), ("actor call", "concurrency_groups")]
)
def test_an_option_of_the_decorator_says_that_it_belongs_there(place: Place, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} belongs into the decorator"):
        options.checked(place, {name: 1})


def test_every_option_has_a_sentence_and_takes_none_for_not_given() -> None:
    for option in options.OPTIONS:
        assert option.sentence.endswith(".")
        option.check(option.name, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_cpus", 0.0001),
        ("num_gpus", 0.5),
        ("num_gpus", 3.0),
        ("resources", {"widget": 0.5}),
        ("num_returns", 0),
        ("num_returns", "streaming"),
        ("max_retries", -1),
        ("retry_exceptions", [ValueError]),
        ("runtime_env", {"env_vars": {"NAME": "value"}}),
        ("scheduling_strategy", "SPREAD"),
        ("label_selector", {"zone": "!in(a,b)", "a.b/c": ""}),
        ("timeout_s", 0.1),
        ("_labels", {"team": "blue"}),
        ("_generator_backpressure_num_objects", -1),
    ],
)
def test_a_value_that_makes_sense_is_taken_as_it_is(name: str, value: Any) -> None:
    assert options.checked("task", {name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("num_cpus", True, TypeError),
        ("num_cpus", float("nan"), ValueError),
        ("num_cpus", float("inf"), ValueError),
        ("resources", {1: 1}, TypeError),
        ("resources", {"bundle": 1}, ValueError),
        ("num_returns", "many", ValueError),
        ("num_returns", 1.5, TypeError),
        ("retry_exceptions", [ValueError()], TypeError),
        ("scheduling_strategy", 3, TypeError),
        ("placement_group", "mine", TypeError),
        ("runtime_env", "env", TypeError),
        ("runtime_env", {"pip": ["numpy"]}, NotImplementedError),
        ("_generator_backpressure_num_objects", 0, ValueError),
        ("_num_objects_per_yield", 2, NotImplementedError),
        ("object_store_memory", 5, NotImplementedError),
        ("enable_task_events", 1, TypeError),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    name: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=name if error is not NotImplementedError else "not there yet"):
        options.checked("task", {name: value})


def test_a_strategy_and_a_group_together_are_refused() -> None:
    class Group:
        id = b""

    with pytest.raises(ValueError, match="not both"):
        options.checked("task", {"scheduling_strategy": "SPREAD", "placement_group": Group()})


def test_a_fallback_without_a_selector_is_refused() -> None:
    with pytest.raises(ValueError, match="label_selector"):
        options.checked("task", {"fallback_strategy": [{"label_selector": {"a": "b"}}]})


@pytest.mark.parametrize(
    ("given", "is_async"),
    [
        ({"get_if_exists": True}, False),
        ({"allow_out_of_order_execution": False}, True),
        ({"allow_out_of_order_execution": False, "max_concurrency": 2}, False),
    ],
)
def test_options_of_an_actor_that_contradict_each_other_are_refused(
    given: dict[str, Any], *, is_async: bool
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each contradiction has words of its own
        options.check_actor(given, is_async=is_async)


def test_returns_in_words_are_for_generators() -> None:
    options.check_returns("streaming", name="work", is_generator=True)
    with pytest.raises(ValueError, match="work is none"):
        options.check_returns("streaming", name="work", is_generator=False)
    with pytest.warns(DeprecationWarning, match="dynamic"):
        options.check_returns("dynamic", name="work", is_generator=True)
