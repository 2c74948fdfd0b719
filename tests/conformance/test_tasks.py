"""What a task is: a function call that runs elsewhere and whose result is a ref (rows of `remote`).

Owns calls, arguments, closures and nesting. Options of tasks are in `test_task_options`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aktis
from tests.conformance.waiting import Gate, Tally

pytestmark = pytest.mark.usefixtures("session")


def test_a_remote_call_returns_a_ref_and_get_its_value() -> None:
    ref = double.remote(21)

    assert isinstance(ref, aktis.ObjectRef)
    assert aktis.get(ref) == 42


def test_a_remote_call_does_not_wait_for_the_task(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    assert aktis.wait([ref], timeout=0) == ([], [ref])
    gate.open()
    assert aktis.get(ref) is True


def test_a_task_runs_in_another_process() -> None:
    @aktis.remote
    def process_id() -> int:
        return os.getpid()

    assert aktis.get(process_id.remote()) != os.getpid()


def test_arguments_may_be_positional_named_defaulted_and_variable() -> None:
    @aktis.remote
    def collect(first: int, second: int = 2, *rest: int, flag: bool = False, **named: int) -> Any:
        return first, second, rest, flag, named

    assert aktis.get(collect.remote(1)) == (1, 2, (), False, {})
    assert aktis.get(collect.remote(1, 3, 4, 5, flag=True, other=6)) == (
        1,
        3,
        (4, 5),
        True,
        {"other": 6},
    )
    assert aktis.get(collect.remote(second=7, first=0)) == (0, 7, (), False, {})


def test_an_argument_may_have_any_name() -> None:
    @aktis.remote
    def read(self: int, args: int, template: int) -> tuple[int, int, int]:
        return self, args, template

    assert aktis.get(read.remote(self=1, args=2, template=3)) == (1, 2, 3)


def test_a_method_of_an_object_can_be_a_task() -> None:
    assert aktis.get(aktis.remote("a b".split).remote()) == ["a", "b"]
    assert aktis.get(aktis.remote(Scale(3).scale).remote(2)) == 6


def test_a_remote_function_cannot_be_called_directly() -> None:
    with pytest.raises(TypeError, match="remote"):
        double(21)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), {}), ((1, 2), {}), ((1,), {"unknown": 2}), ((1,), {"value": 2})],
    ids=["missing", "too_many", "unknown_name", "twice"],
)
def test_a_wrong_signature_raises_in_the_caller(
    arguments: tuple[int, ...], named: dict[str, int]
) -> None:
    with pytest.raises(TypeError):
        double.remote(*arguments, **named)


def test_an_async_function_cannot_be_a_task() -> None:
    async def wait_a_little() -> None: ...

    with pytest.raises(ValueError, match="async"):
        aktis.remote(wait_a_little)


@pytest.mark.parametrize("thing", [1, "text", None], ids=repr)
def test_only_functions_and_classes_can_be_remote(thing: object) -> None:
    with pytest.raises(TypeError):
        aktis.remote(num_cpus=1)(thing)  # type: ignore[call-overload]


def test_the_decorator_takes_one_callable_or_only_options() -> None:
    with pytest.raises(TypeError, match="with options given by name only"):
        aktis.remote(len, num_cpus=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="with options given by name only"):
        aktis.remote()


def test_a_lambda_can_be_a_task() -> None:
    assert aktis.get(aktis.remote(lambda value: value + 1).remote(1)) == 2


def test_the_same_function_runs_under_two_sets_of_options() -> None:
    half = double.options(num_cpus=0.5)

    assert aktis.get([double.remote(1), half.remote(2)]) == [2, 4]


def test_results_come_back_in_the_order_of_the_refs() -> None:
    refs = [double.remote(value) for value in range(1000)]

    assert aktis.get(refs) == [2 * value for value in range(1000)]


def test_a_ref_as_an_argument_is_replaced_by_its_value() -> None:
    assert aktis.get(double.remote(double.remote(double.remote(1)))) == 8


def test_a_ref_as_a_named_argument_is_replaced_by_its_value() -> None:
    assert aktis.get(double.remote(value=aktis.put(4))) == 8


def test_a_ref_inside_a_container_stays_a_ref() -> None:
    @aktis.remote
    def open_box(box: list[aktis.ObjectRef[int]]) -> tuple[bool, int]:
        return isinstance(box[0], aktis.ObjectRef), aktis.get(box[0])

    assert aktis.get(open_box.remote([double.remote(1)])) == (True, 2)


def test_the_same_ref_may_be_passed_twice() -> None:
    @aktis.remote
    def add(left: int, right: int) -> int:
        return left + right

    ref = aktis.put(5)

    assert aktis.get(add.remote(ref, ref)) == 10


def test_a_task_waits_for_its_arguments(gate: Gate, tally: Tally) -> None:
    @aktis.remote
    def count_after(_: object) -> int:
        return tally.add()

    ref = count_after.remote(pass_gate.remote(gate))

    assert aktis.wait([ref], timeout=0.2) == ([], [ref])
    assert tally.count() == 0
    gate.open()
    assert aktis.get(ref) == 1


def test_a_task_whose_argument_failed_fails_the_same_way_and_never_runs(tally: Tally) -> None:
    @aktis.remote
    def fail() -> None:
        raise ZeroDivisionError("the first task")

    @aktis.remote
    def count(_: object) -> int:
        return tally.add()

    with pytest.raises(ZeroDivisionError, match="the first task"):
        aktis.get(count.remote(count.remote(fail.remote())))
    assert tally.count() == 0


def test_a_task_may_return_nothing() -> None:
    @aktis.remote
    def do_nothing() -> None: ...

    assert aktis.get(do_nothing.remote()) is None


def test_a_task_may_return_a_ref() -> None:
    @aktis.remote
    def submit() -> aktis.ObjectRef[int]:
        return double.remote(3)

    inner = aktis.get(submit.remote())

    assert isinstance(inner, aktis.ObjectRef)
    assert aktis.get(inner) == 6


def test_a_task_changes_its_own_copy_of_an_argument() -> None:
    @aktis.remote
    def extend(values: list[int]) -> list[int]:
        values.append(3)
        return values

    values = [1, 2]

    assert aktis.get(extend.remote(values)) == [1, 2, 3]
    assert values == [1, 2]


def test_an_argument_is_copied_when_the_call_is_made(gate: Gate) -> None:
    @aktis.remote
    def total(values: list[int], _: object) -> int:
        return sum(values)

    values = [1, 2]
    ref = total.remote(values, pass_gate.remote(gate))
    values.append(100)
    gate.open()

    assert aktis.get(ref) == 3


@pytest.mark.parametrize("size_bytes", [0, 1_000, 200_000, 20_000_000])
def test_arguments_and_results_may_have_any_size(size_bytes: int) -> None:
    @aktis.remote
    def reverse(data: bytes) -> bytes:
        return data[::-1]

    data = b"a" + bytes(size_bytes)

    assert aktis.get(reverse.remote(data)) == data[::-1]


def test_a_remote_function_may_be_an_argument() -> None:
    @aktis.remote
    def apply(function: Any, value: int) -> Any:
        return aktis.get(function.remote(value))

    assert aktis.get(apply.remote(double, 8)) == 16


def test_a_closure_is_captured_at_the_first_call() -> None:
    factor = 2

    @aktis.remote
    def scale(value: int) -> int:
        return value * factor

    assert aktis.get(scale.remote(10)) == 20
    factor = 3
    assert aktis.get(scale.remote(10)) == 20
    assert aktis.get(scale.options(num_cpus=0.5).remote(10)) == 20


def test_a_function_defined_anew_runs_anew() -> None:
    def define(factor: int) -> Any:
        @aktis.remote
        def scale(value: int) -> int:
            return value * factor

        return scale

    assert [aktis.get(define(factor).remote(10)) for factor in (1, 2, 3)] == [10, 20, 30]


def test_a_function_whose_pickle_is_over_100_megabytes_is_refused() -> None:
    ballast = os.urandom(1) * (110 * 1024**2)

    @aktis.remote
    def carry() -> int:
        return len(ballast)

    with pytest.raises(ValueError, match="carry"):
        carry.remote()


def test_tasks_run_at_the_same_time(tmp_path: Path) -> None:
    @aktis.remote
    def meet(own: Gate, others: list[Gate]) -> bool:
        own.open()
        for other in others:
            other.wait()
        return True

    gates = [Gate(tmp_path / str(index)) for index in range(4)]

    assert aktis.get([meet.remote(gate, gates) for gate in gates]) == [True] * 4


def test_a_task_may_start_tasks() -> None:
    @aktis.remote
    def sum_of_doubles(count: int) -> int:
        return sum(aktis.get([double.remote(value) for value in range(count)]))

    assert aktis.get(sum_of_doubles.remote(10)) == 90


def test_tasks_that_wait_for_their_children_give_back_their_cpus() -> None:
    @aktis.remote
    def descend(depth: int) -> int:
        return 0 if depth == 0 else 1 + aktis.get(descend.remote(depth - 1))

    assert aktis.get(descend.remote(9)) == 9


def test_every_cpu_may_hold_a_parent_while_the_children_run() -> None:
    @aktis.remote
    def parent(value: int) -> int:
        ready, _ = aktis.wait([double.remote(value)])
        return aktis.get(ready[0])

    assert aktis.get([parent.remote(value) for value in range(8)]) == [
        2 * value for value in range(8)
    ]


def test_many_threads_may_submit_at_once() -> None:
    results: dict[int, list[int]] = {}

    def submit(base: int) -> None:
        results[base] = aktis.get([double.remote(base + value) for value in range(50)])

    threads = [threading.Thread(target=submit, args=(1000 * index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == {
        1000 * index: [2 * (1000 * index + value) for value in range(50)] for index in range(4)
    }


def test_a_task_runs_in_the_main_thread_of_its_process() -> None:
    @aktis.remote
    def in_main_thread() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert aktis.get(in_main_thread.remote()) is True


def test_decorators_below_the_remote_one_are_kept() -> None:
    def add_one(function: Callable[[int], int]) -> Callable[[int], int]:
        return lambda value: function(value) + 1

    @aktis.remote
    @add_one
    def triple(value: int) -> int:
        return 3 * value

    assert aktis.get(triple.remote(2)) == 7


class Scale:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def scale(self, value: int) -> int:
        return value * self.factor


@aktis.remote
def double(value: int) -> int:
    return 2 * value


@aktis.remote
def pass_gate(gate: Gate) -> bool:
    gate.wait()
    return True
