"""Checks of what can be sent, results as they come, marks, and lines that are said once.

Owns them all. Serializers and named actors have rows of their own elsewhere.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import threading
from typing import Any

import pytest

import aktis
from aktis import util
from aktis.exceptions import GetTimeoutError
from aktis.util import accelerators, tpu
from aktis.util.annotations import Deprecated, DeveloperAPI, PublicAPI
from aktis.util.check_serialize import inspect_serializability
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


def test_what_can_be_sent_has_no_culprit() -> None:
    output = io.StringIO()

    assert inspect_serializability({"a": 1}, name="table", print_file=output) == (True, set())
    assert "table can be sent" in output.getvalue()


def test_the_culprit_in_a_closure_is_found_and_its_path_told() -> None:
    lock = threading.Lock()

    def locked() -> object:
        return lock

    output = io.StringIO()
    can_be_sent, failures = inspect_serializability(locked, name="locked", print_file=output)

    assert not can_be_sent
    assert [(found.obj, found.path, found.parent) for found in failures] == [
        (lock, ("locked", "lock"), locked)
    ]
    assert "locked.lock" in output.getvalue()


def test_the_culprit_in_attributes_and_containers_is_found() -> None:
    holder = Holder()

    _, failures = inspect_serializability(
        functools.partial(print, holder), name="call", depth=5, print_file=io.StringIO()
    )

    assert [found.path for found in failures] == [("call", "args[0]", "parts", "['locks']", "[1]")]


def test_several_culprits_are_found_and_told_in_order() -> None:
    locks = [threading.Lock() for _ in range(9)]

    output = io.StringIO()
    _, failures = inspect_serializability(locks, name="locks", print_file=output)

    assert {id(found.obj) for found in failures} == {id(lock) for lock in locks}
    assert re.findall(r"The reason is locks\.\[(.)\]", output.getvalue()) == [*"012345678"]


def test_it_looks_no_deeper_than_it_is_told() -> None:
    holder = Holder()

    _, failures = inspect_serializability(holder, depth=0, print_file=io.StringIO())

    assert [found.obj for found in failures] == [holder]


def test_what_contains_itself_is_searched_once() -> None:
    loop: list[Any] = [threading.Lock()]
    loop.append(loop)

    _, failures = inspect_serializability(loop, depth=10, print_file=io.StringIO())

    assert [found.obj for found in failures] == [loop[0]]


def test_a_registered_serializer_counts() -> None:
    util.register_serializer(Holder, serializer=lambda _: 0, deserializer=lambda _: Holder())
    try:
        can_be_sent, _ = inspect_serializability(Holder(), print_file=io.StringIO())
    finally:
        util.deregister_serializer(Holder)

    assert can_be_sent


def test_as_completed_yields_values_as_they_come(gate: Gate) -> None:
    slow = pass_gate.remote(gate)
    results = util.as_completed([slow, negative.remote(1), negative.remote(2)])

    assert {next(results), next(results)} == {-1, -2}
    gate.open()
    assert list(results) == ["passed"]


def test_as_completed_may_yield_refs() -> None:
    refs = [negative.remote(index) for index in range(25)]

    assert set(util.as_completed(refs, yield_obj_refs=True)) == set(refs)


def test_as_completed_gives_up_after_its_timeout(gate: Gate) -> None:
    results = util.as_completed([pass_gate.remote(gate)], timeout=0.01)

    with pytest.raises(GetTimeoutError):
        next(results)
    gate.open()


def test_map_unordered_yields_a_result_for_each_item() -> None:
    assert sorted(util.map_unordered(negative, range(30), backpressure_size=4)) == [*range(-29, 1)]


def test_map_unordered_takes_items_only_as_results_are_taken() -> None:
    results = util.map_unordered(negative, itertools.count(), backpressure_size=5, chunk_size=1)

    assert len([next(results) for _ in range(20)]) == 20


def test_map_unordered_refuses_what_is_not_remote() -> None:
    with pytest.raises(TypeError, match="remote"):
        util.map_unordered(abs, [1])


@pytest.mark.parametrize("options", [{"chunk_size": 0}, {"backpressure_size": 0}])
def test_amounts_are_positive(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        util.map_unordered(negative, [1], **options)


def test_a_line_is_said_once() -> None:
    assert [util.log_once("a line"), util.log_once("a line"), util.log_once("another")] == [
        True,
        False,
        True,
    ]


def test_lines_can_be_switched_off(drive: Any) -> None:
    ended = drive(
        """
        from aktis import util

        util.enable_periodic_logging()
        print(util.log_once("a"), util.log_once("a"))
        util.disable_log_once_globally()
        print(util.log_once("b"))
        """
    )

    assert ended.lines == ["True False", "False"]


def test_marks_add_a_sentence_and_change_nothing_else() -> None:
    @PublicAPI(stability="beta")
    def beta(value: int) -> int:
        """Adds one."""
        return value + 1

    @DeveloperAPI
    class Inner:
        """For developers."""

    @PublicAPI
    def stable() -> None:
        """Stays."""

    assert beta(1) == 2
    assert "beta" in (beta.__doc__ or "")
    assert "developers and may change" in (Inner.__doc__ or "")
    assert stable.__doc__ == "Stays."


def test_a_mark_refuses_a_stability_that_is_none() -> None:
    with pytest.raises(ValueError, match="stability"):
        PublicAPI(stability="shaky")


def test_what_is_deprecated_warns_if_it_shall() -> None:
    @Deprecated(message="Use plus.", warning=True)
    def add(left: int, right: int) -> int:
        return left + right

    @Deprecated(message="Use New.", warning=True)
    class Old:
        pass

    with pytest.warns(DeprecationWarning, match="Use plus"):
        assert add(1, 2) == 3
    with pytest.warns(DeprecationWarning, match="Use New"):
        assert isinstance(Old(), Old)


def test_names_of_accelerators_are_those_of_the_resources() -> None:
    @aktis.remote(num_cpus=0, accelerator_type=accelerators.NVIDIA_A100)
    def never() -> None: ...

    assert accelerators.NVIDIA_TESLA_V100 == "V100"
    with pytest.raises(aktis.exceptions.TaskUnschedulableError, match="A100"):
        aktis.get(never.remote())


@pytest.mark.parametrize(
    "name",
    [
        "SlicePlacementGroup",
        "SubslicePlacementGroup",
        "dispatch",
        "run_on_slice",
        "slice_placement_group",
        "subslice_placement_group",
    ],
)
def test_what_needs_a_slice_of_tpus_says_so(name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"{name}\(\) reserves TPUs"):
        getattr(tpu, name)("4x4", "v6e")


class Holder:
    def __init__(self) -> None:
        self.parts = {"locks": [1, threading.Lock()]}


@aktis.remote
def negative(value: int) -> int:
    return -value


@aktis.remote
def pass_gate(gate: Gate) -> str:
    gate.wait()
    return "passed"
