"""What each option of a task means, in the decorator and in `.options()`.

Owns options of tasks, retries of exceptions and time limits. Crashes are in `tests/faults`.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

import aktis
from aktis.exceptions import TaskTimeoutError, TaskUnschedulableError
from aktis.util.placement_group import placement_group, remove_placement_group
from tests.conformance.waiting import Gate, Tally

pytestmark = pytest.mark.usefixtures("session")


def test_options_change_one_use_and_not_the_function() -> None:
    named = get_name.options(name="special")

    assert aktis.get(named.remote()) == "special"
    assert "special" not in aktis.get(get_name.remote())


def test_an_unknown_option_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(ValueError, match="num_cpus"):
        aktis.remote(colour="blue")(lambda: None)
    with pytest.raises(ValueError, match="num_cpus"):
        identity.options(colour="blue")


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("num_cpus", -1, ValueError),
        ("num_cpus", "one", TypeError),
        ("num_gpus", -1, ValueError),
        ("num_gpus", 1.5, ValueError),
        ("memory", -1, ValueError),
        ("resources", {"CPU": 1}, ValueError),
        ("resources", {"GPU": 1}, ValueError),
        ("resources", {"memory": 1}, ValueError),
        ("resources", {"object_store_memory": 1}, ValueError),
        ("resources", {"widget": -1}, ValueError),
        ("resources", 3, TypeError),
        ("num_returns", -1, ValueError),
        ("max_retries", -2, ValueError),
        ("max_retries", "three", TypeError),
        ("retry_exceptions", "yes", TypeError),
        ("name", 3, TypeError),
        ("scheduling_strategy", "NOWHERE", ValueError),
        ("label_selector", {"zone": 3}, (TypeError, ValueError)),
        ("label_selector", {"zone": "in(north"}, ValueError),
        ("label_selector", {"-zone-": "north"}, ValueError),
        ("fallback_strategy", [{}], ValueError),
        ("fallback_strategy", [{"num_cpus": 1}], ValueError),
        ("timeout_s", 0, ValueError),
        ("timeout_s", -1.0, ValueError),
        ("timeout_s", "long", TypeError),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_before_the_call(
    option: str, value: object, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    with pytest.raises(error):
        identity.options(**{option: value}).remote(1)


def test_object_store_memory_is_no_option_of_a_task() -> None:
    with pytest.raises(NotImplementedError, match="object_store_memory"):
        identity.options(object_store_memory=1024).remote(1)


def test_max_calls_belongs_in_the_decorator_only() -> None:
    with pytest.raises(ValueError, match="max_calls"):
        identity.options(max_calls=1)


def test_a_worker_ends_after_max_calls_of_the_function() -> None:
    @aktis.remote(max_calls=1)
    def process_id() -> int:
        return os.getpid()

    assert len({aktis.get(process_id.remote()) for _ in range(3)}) == 3


def test_a_task_with_a_gpu_ends_its_worker() -> None:
    @aktis.remote(num_gpus=1)
    def process_id() -> int:
        return os.getpid()

    assert aktis.get(process_id.remote()) != aktis.get(process_id.remote())


def test_num_returns_n_gives_a_list_of_n_refs() -> None:
    @aktis.remote(num_returns=3)
    def three() -> tuple[int, int, int]:
        return 1, 2, 3

    refs = three.remote()

    assert isinstance(refs, list)
    assert aktis.get(refs) == [1, 2, 3]


def test_num_returns_1_gives_the_whole_value() -> None:
    assert aktis.get(identity.options(num_returns=1).remote((1, 2))) == (1, 2)


def test_num_returns_0_gives_nothing(gate: Gate) -> None:
    @aktis.remote(num_returns=0)
    def open_gate() -> None:
        gate.open()

    assert open_gate.remote() is None
    gate.wait()


def test_num_returns_can_be_given_per_call() -> None:
    first, second = identity.options(num_returns=2).remote(["a", "b"])

    assert aktis.get([second, first]) == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "error"),
    [((1,), ValueError), ((1, 2, 3), ValueError), (5, TypeError)],
    ids=["few", "many", "none"],
)
def test_a_wrong_number_of_results_fails_every_ref(value: object, error: type[Exception]) -> None:
    for ref in identity.options(num_returns=2).remote(value):
        with pytest.raises(error, match="num_returns=2"):
            aktis.get(ref)


def test_an_error_fails_every_ref_of_the_task() -> None:
    @aktis.remote(num_returns=2)
    def fail() -> tuple[int, int]:
        raise KeyError("both")

    for ref in fail.remote():
        with pytest.raises(KeyError, match="both"):
            aktis.get(ref)


@pytest.mark.parametrize("text", ["streaming", "dynamic"])
def test_a_number_of_returns_in_words_is_for_generators(text: str) -> None:
    with pytest.raises(ValueError):
        aktis.get(identity.options(num_returns=text).remote(1))


def test_an_exception_is_not_retried_by_default(tally: Tally) -> None:
    with pytest.raises(RuntimeError, match="attempt 1"):
        aktis.get(fail_until.remote(tally, 2))
    assert tally.count() == 1


def test_retry_exceptions_retries_any_exception(tally: Tally) -> None:
    assert aktis.get(fail_until.options(retry_exceptions=True).remote(tally, 4)) == 4


def test_retries_of_exceptions_end_with_max_retries(tally: Tally) -> None:
    with pytest.raises(RuntimeError, match="attempt 3"):
        aktis.get(fail_until.options(retry_exceptions=True, max_retries=2).remote(tally, 9))
    assert tally.count() == 3


def test_max_retries_minus_one_never_gives_up(tally: Tally) -> None:
    patient = fail_until.options(retry_exceptions=True, max_retries=-1)

    assert aktis.get(patient.remote(tally, 12)) == 12


def test_max_retries_zero_retries_nothing(tally: Tally) -> None:
    with pytest.raises(RuntimeError, match="attempt 1"):
        aktis.get(fail_until.options(retry_exceptions=True, max_retries=0).remote(tally, 2))
    assert tally.count() == 1


def test_a_list_of_exceptions_retries_only_those_and_their_subclasses(tally: Tally) -> None:
    listed = fail_until.options(retry_exceptions=[Exception])
    unlisted = fail_until.options(retry_exceptions=[KeyError])

    assert aktis.get(listed.remote(tally, 2)) == 2
    with pytest.raises(RuntimeError, match="attempt 3"):
        aktis.get(unlisted.remote(tally, 9))
    assert tally.count() == 3


def test_the_name_of_a_task_need_not_be_unique() -> None:
    twin = get_name.options(name="twin")

    assert aktis.get([twin.remote(), twin.remote()]) == ["twin", "twin"]


def test_events_of_a_task_can_be_switched_off() -> None:
    assert aktis.get(identity.options(enable_task_events=False).remote(1)) == 1


def test_a_task_may_carry_labels() -> None:
    assert aktis.get(identity.options(_labels={"team": "blue"}).remote(1)) == 1


def test_a_label_selector_lets_the_task_run_where_it_holds() -> None:
    for selector in ("north", "!south", "in(north,west)", "!in(south,west)"):
        assert aktis.get(identity.options(label_selector={"zone": selector}).remote(1)) == 1


def test_a_fallback_is_used_when_the_selector_holds_nowhere() -> None:
    picky = identity.options(
        label_selector={"zone": "south"},
        fallback_strategy=[
            {"label_selector": {"zone": "west"}},
            {"label_selector": {"zone": "north"}},
        ],
    )

    assert aktis.get(picky.remote(1)) == 1


def test_a_strategy_and_a_placement_group_together_are_refused() -> None:
    group = placement_group([{"CPU": 1}])
    both = {"scheduling_strategy": "SPREAD", "placement_group": group}

    try:
        with pytest.raises(ValueError):
            identity.options(**both).remote(1)
    finally:
        remove_placement_group(group)


@pytest.mark.parametrize(
    ("option", "name", "demand", "capacity"),
    [
        ({"num_cpus": 64}, "CPU", "64", "4"),
        ({"num_gpus": 8}, "GPU", "8", "2"),
        ({"resources": {"widget": 9}}, "widget", "9", "4"),
        ({"resources": {"unheard_of": 1}}, "unheard_of", "1", "0"),
    ],
    ids=["cpu", "gpu", "custom", "unknown"],
)
def test_a_demand_no_node_can_ever_hold_is_an_error_within_two_seconds(
    option: dict[str, Any], name: str, demand: str, capacity: str
) -> None:
    ref = identity.options(**option).remote(1)

    with pytest.raises(TaskUnschedulableError) as caught:
        aktis.get(ref, timeout=2)
    for word in (name, demand, capacity):
        assert word in str(caught.value)


def test_an_accelerator_the_cluster_lacks_is_an_error_within_two_seconds() -> None:
    with pytest.raises(TaskUnschedulableError, match="A100"):
        aktis.get(identity.options(accelerator_type="A100").remote(1), timeout=2)


def test_a_label_no_node_has_is_an_error_within_two_seconds() -> None:
    with pytest.raises(TaskUnschedulableError, match="zone"):
        aktis.get(identity.options(label_selector={"zone": "south"}).remote(1), timeout=2)


def test_a_task_over_its_time_limit_is_interrupted_and_fails() -> None:
    before = time.monotonic()
    ref = wait_for_ever.options(timeout_s=0.2, max_retries=0).remote()

    with pytest.raises(TaskTimeoutError) as caught:
        aktis.get(ref, timeout=20)
    assert isinstance(caught.value, TimeoutError)
    assert "wait_for_ever() ran longer than its timeout_s of 0.2 s" in str(caught.value)
    assert time.monotonic() - before < 10


def test_an_attempt_over_its_time_limit_is_retried(tally: Tally) -> None:
    @aktis.remote(timeout_s=0.2, max_retries=2)
    def hang_twice() -> int:
        if tally.add() < 3:
            threading.Event().wait(60)
        return tally.count()

    assert aktis.get(hang_twice.remote(), timeout=20) == 3


def test_retries_of_the_time_limit_end_with_max_retries(tally: Tally) -> None:
    @aktis.remote(timeout_s=0.2, max_retries=1)
    def hang() -> None:
        tally.add()
        threading.Event().wait(60)

    with pytest.raises(TaskTimeoutError):
        aktis.get(hang.remote(), timeout=20)
    assert tally.count() == 2


def test_a_task_within_its_time_limit_does_not_notice_it() -> None:
    assert aktis.get(identity.options(timeout_s=30.0).remote(1)) == 1


def test_time_in_the_queue_does_not_count_against_the_limit(gate: Gate, started: Gate) -> None:
    @aktis.remote(num_cpus=4)
    def occupy() -> None:
        started.open()
        gate.wait()

    occupying = occupy.remote()
    started.wait()
    ref = identity.options(timeout_s=0.3, max_retries=0).remote(1)

    assert aktis.wait([ref], timeout=0.6) == ([], [ref])
    gate.open()
    assert aktis.get(ref) == 1
    aktis.get(occupying)


@aktis.remote
def identity(value: Any) -> Any:
    return value


@aktis.remote
def get_name() -> str:
    name = aktis.get_runtime_context().get_task_name()
    assert name is not None
    return name


@aktis.remote
def fail_until(tally: Tally, success: int) -> int:
    attempt = tally.add()
    if attempt != success:
        raise RuntimeError(f"attempt {attempt}")
    return attempt


@aktis.remote
def wait_for_ever() -> None:
    threading.Event().wait(60)
