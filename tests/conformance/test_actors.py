"""What an actor is: an object in a process of its own, its handles and its calls.

Owns creation, calls and handles. Ends are in `test_actor_ends`, names in `test_named_actors`,
options in `test_actor_options`, crashes and restarts in `tests/faults`.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import aktis
from aktis.actor import ActorClassInheritanceException
from tests.conformance.counters import Counter, Recorder, pass_gate
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


def test_an_actor_keeps_its_state_between_calls() -> None:
    counter = Counter.remote()

    assert aktis.get([counter.add.remote(1) for _ in range(5)]) == [1, 2, 3, 4, 5]


def test_two_actors_do_not_share_state_or_process() -> None:
    first, second = Counter.remote(), Counter.remote()

    aktis.get(first.add.remote(1))
    assert aktis.get(second.add.remote(10)) == 10
    assert len({os.getpid(), *aktis.get([one.process_id.remote() for one in (first, second)])}) == 3


def test_the_constructor_takes_arguments_and_refs() -> None:
    assert aktis.get(Counter.remote(aktis.put(5)).add.remote(1)) == 6
    assert aktis.get(Counter.remote(start=7).add.remote(1)) == 8


def test_a_ref_as_an_argument_of_a_call_is_replaced_by_its_value() -> None:
    counter = Counter.remote()

    assert aktis.get(counter.add.remote(counter.add.remote(amount=aktis.put(2)))) == 4


def test_a_class_without_a_constructor_can_be_an_actor() -> None:
    @aktis.remote
    class Plain:
        def answer(self) -> int:
            return 42

    assert aktis.get(Plain.remote().answer.remote()) == 42


def test_a_class_may_be_constructed_by_its_new_alone() -> None:
    class Pair(NamedTuple):
        left: int
        right: int = 2

        def total(self) -> int:
            return self.left + self.right

    pair: Any = aktis.remote(Pair)

    assert aktis.get(pair.remote(1).total.remote()) == 3
    assert aktis.get(pair.remote(left=1, right=4).total.remote()) == 5
    with pytest.raises(TypeError, match=r"Pair.__new__\(\) missing a required argument: 'left'"):
        pair.remote()


def test_a_class_is_captured_when_its_first_actor_is_made() -> None:
    factor = 2

    @aktis.remote
    class Scale:
        def scale(self, value: int) -> int:
            return value * factor

    assert aktis.get(Scale.remote().scale.remote(10)) == 20
    factor = 3
    for kind in (Scale, Scale.options(num_cpus=0.5)):
        assert aktis.get(kind.remote().scale.remote(10)) == 20


def test_creation_does_not_wait_for_the_constructor(gate: Gate) -> None:
    @aktis.remote
    class Slow:
        def __init__(self) -> None:
            gate.wait()

        def ready(self) -> bool:
            return True

    ref = Slow.remote().ready.remote()

    assert aktis.wait([ref], timeout=0.1) == ([], [ref])
    gate.open()
    assert aktis.get(ref) is True


def test_an_actor_class_cannot_be_instantiated_directly() -> None:
    with pytest.raises(TypeError, match="remote"):
        Counter()


def test_a_method_cannot_be_called_directly() -> None:
    with pytest.raises(TypeError, match="remote"):
        Counter.remote().add(1)


def test_an_actor_class_cannot_be_a_base_class() -> None:
    with pytest.raises(ActorClassInheritanceException):

        class _Child(Counter):  # type: ignore[metaclass]
            pass


def test_an_actor_may_inherit_from_an_ordinary_class() -> None:
    class Parent:
        def greet(self) -> str:
            return f"{self.name()} from the parent"

        def name(self) -> str:
            raise NotImplementedError

    @aktis.remote
    class Child(Parent):
        def name(self) -> str:
            return "child"

    assert aktis.get(Child.remote().greet.remote()) == "child from the parent"


def test_static_and_class_methods_can_be_called() -> None:
    @aktis.remote
    class Maker:
        size = 3

        @staticmethod
        def double(value: int) -> int:
            return 2 * value

        @classmethod
        def get_size(cls) -> int:
            return cls.size

    maker = Maker.remote()

    assert aktis.get([maker.double.remote(4), maker.get_size.remote()]) == [8, 3]


def test_an_unknown_method_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="subtract"):
        _ = Counter.remote().subtract


def test_attributes_of_the_instance_cannot_be_read_through_the_handle() -> None:
    with pytest.raises(AttributeError):
        _ = Counter.remote().value


@pytest.mark.parametrize("arguments", [(), (1, 2)], ids=["missing", "too_many"])
def test_a_wrong_signature_of_a_method_raises_in_the_caller(arguments: tuple[int, ...]) -> None:
    with pytest.raises(TypeError):
        Counter.remote().add.remote(*arguments)


def test_a_wrong_signature_of_the_constructor_raises_in_the_caller() -> None:
    with pytest.raises(TypeError):
        Counter.remote(1, 2, 3)


def test_a_handle_lists_its_methods() -> None:
    assert {"add", "process_id"} <= set(dir(Counter.remote()))


def test_handles_of_one_actor_are_equal_and_hashable() -> None:
    counter = Counter.remote()

    copy = aktis.get(aktis.put([counter]))[0]

    assert copy == counter
    assert {counter: "found"}[copy] == "found"
    assert counter != Counter.remote()
    assert copy._actor_id == counter._actor_id


def test_calls_of_one_caller_run_in_the_order_they_were_made() -> None:
    recorder = Recorder.remote()
    for index in range(500):
        recorder.record.remote(index)

    assert aktis.get(recorder.read.remote()) == list(range(500))


def test_a_call_whose_argument_is_not_ready_holds_back_the_later_calls(gate: Gate) -> None:
    recorder = Recorder.remote()
    first = recorder.record.remote(pass_gate.remote(gate, "first"))
    second = recorder.record.remote("second")

    assert aktis.wait([second], timeout=0.2) == ([], [second])
    gate.open()
    aktis.get([first, second])
    assert aktis.get(recorder.read.remote()) == ["first", "second"]


def test_a_call_that_waits_does_not_hold_back_other_callers(gate: Gate) -> None:
    recorder = Recorder.remote()
    waiting = recorder.record.remote(pass_gate.remote(gate, "mine"))

    aktis.get(record_elsewhere.remote(recorder, "theirs"))

    assert aktis.wait([waiting], timeout=0) == ([], [waiting])
    gate.open()
    aktis.get(waiting)
    assert aktis.get(recorder.read.remote()) == ["theirs", "mine"]


def test_a_failed_argument_fails_the_call_and_not_the_actor() -> None:
    @aktis.remote
    def fail() -> None:
        raise KeyError("argument")

    counter = Counter.remote()

    with pytest.raises(KeyError, match="argument"):
        aktis.get(counter.add.remote(fail.remote()))
    assert aktis.get(counter.add.remote(1)) == 1


def test_an_error_in_a_method_does_not_end_the_actor() -> None:
    counter = Counter.remote()

    with pytest.raises(TypeError):
        aktis.get(counter.add.remote("text"))
    assert aktis.get(counter.add.remote(1)) == 1


def test_an_actor_runs_one_call_at_a_time(tmp_path: Path) -> None:
    @aktis.remote
    class Lonely:
        def __init__(self) -> None:
            self.running = 0

        def enter(self) -> int:
            self.running += 1
            seen = self.running
            Gate(tmp_path / "never").is_open()
            self.running -= 1
            return seen

    lonely = Lonely.remote()

    assert set(aktis.get([lonely.enter.remote() for _ in range(50)])) == {1}


def test_a_handle_works_in_tasks_and_in_other_actors() -> None:
    @aktis.remote
    class Forwarder:
        def __init__(self, target: Any) -> None:
            self.target = target

        def forward(self, amount: int) -> Any:
            return aktis.get(self.target.add.remote(amount))

    counter = Counter.remote()

    assert aktis.get(add_elsewhere.remote(counter, 1)) == 1
    assert aktis.get(Forwarder.remote(counter).forward.remote(2)) == 3


def test_a_task_may_create_and_return_an_actor() -> None:
    @aktis.remote
    def create() -> Any:
        counter = Counter.remote(10)
        aktis.get(counter.add.remote(1))
        return counter

    assert aktis.get(aktis.get(create.remote()).add.remote(1)) == 12


def test_an_actor_may_give_out_a_handle_to_itself() -> None:
    @aktis.remote
    class Introducer:
        def me(self) -> Any:
            return aktis.get_runtime_context().current_actor

        def greet(self) -> str:
            return "hello"

    introducer = Introducer.remote()

    assert aktis.get(aktis.get(introducer.me.remote()).greet.remote()) == "hello"


def test_an_actor_may_create_actors_and_call_them() -> None:
    @aktis.remote
    class Parent:
        def __init__(self) -> None:
            self.children = [Counter.remote(index) for index in range(3)]

        def total(self) -> int:
            return sum(aktis.get([child.add.remote(1) for child in self.children]))

    assert aktis.get(Parent.remote().total.remote()) == 6


def test_a_method_with_several_results_gives_several_refs() -> None:
    @aktis.remote
    class Splitter:
        @aktis.method(num_returns=2)
        def split(self, text: str) -> list[str]:
            return text.split()

        @aktis.method(num_returns=0)
        def forget(self) -> None: ...

    splitter = Splitter.remote()
    first, second = splitter.split.remote("one two")

    assert aktis.get([first, second]) == ["one", "two"]
    assert len(splitter.split.options(num_returns=3).remote("one two three")) == 3
    assert splitter.forget.remote() is None


def test_the_method_decorator_may_be_bare() -> None:
    @aktis.remote
    class Plain:
        @aktis.method
        def answer(self) -> int:
            return 42

    assert aktis.get(Plain.remote().answer.remote()) == 42


def test_the_method_decorator_refuses_unknown_options() -> None:
    with pytest.raises(ValueError, match="'colour' is no option of a method"):
        aktis.method(colour="blue")


def test_calls_on_a_temporary_handle_run() -> None:
    assert aktis.get(Counter.remote(1).add.remote(1)) == 2


def test_a_method_keeps_its_actor() -> None:
    method = Counter.remote(1).add
    gc.collect()

    assert aktis.get(method.remote(1)) == 2


def test_many_actors_live_side_by_side_on_few_cpus() -> None:
    counters = [Counter.remote(index) for index in range(12)]

    assert aktis.get([counter.add.remote(0) for counter in counters]) == list(range(12))


@aktis.remote
def add_elsewhere(counter: Any, amount: int) -> Any:
    return aktis.get(counter.add.remote(amount))


@aktis.remote
def record_elsewhere(recorder: Any, value: Any) -> None:
    aktis.get(recorder.record.remote(value))
