"""Graphs of calls: bound first, and run as often as wanted.

Owns `bind`, the nodes and `execute`. Does not own what calls themselves do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import aktis
from aktis.dag import ClassNode, DAGInputData, DAGNode, FunctionNode, InputNode, MultiOutputNode
from tests.conformance.waiting import Gate, Tally

pytestmark = pytest.mark.usefixtures("session")

LONG = 2_000


@aktis.remote
def add(left: int, right: int = 1) -> int:
    return left + right


@aktis.remote
def counted(tally: Tally, value: int) -> int:
    tally.add()
    return value


@aktis.remote
def given_back(value: Any) -> Any:
    return value


@aktis.remote
class Counter:
    def __init__(self, start: int, tally: Tally | None = None) -> None:
        self.count = start
        if tally is not None:
            tally.add()

    def add(self, amount: int) -> int:
        self.count += amount
        return self.count

    def value(self) -> int:
        return self.count

    @aktis.method(num_returns=2)
    def both(self) -> tuple[int, int]:
        return self.count, -self.count


class Point(NamedTuple):
    x: Any
    y: Any


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


def test_bind_makes_no_call(gate: Gate, started: Gate) -> None:
    @aktis.remote
    def open_gate() -> None:
        gate.open()

    @aktis.remote
    def start() -> None:
        started.open()

    node = open_gate.bind()
    aktis.get(start.remote())

    assert isinstance(node, FunctionNode)
    assert started.is_open()
    assert not gate.is_open()


def test_execute_gives_a_ref_to_the_result_of_the_last_call() -> None:
    graph = add.bind(add.bind(1, 2), right=add.bind(3, right=4))

    ref = graph.execute()

    assert isinstance(ref, aktis.ObjectRef)
    assert aktis.get(ref) == 10


def test_a_graph_runs_anew_each_time(tally: Tally) -> None:
    graph = counted.bind(tally, 1)

    refs = [graph.execute(), graph.execute()]

    assert aktis.get(refs) == [1, 1]
    assert tally.count() == 2


def test_a_node_bound_to_several_others_runs_once(tally: Tally) -> None:
    shared = counted.bind(tally, 5)

    result = aktis.get(add.bind(add.bind(shared, shared), shared).execute())

    assert result == 15
    assert tally.count() == 1


def test_options_before_bind_are_those_of_the_call() -> None:
    @aktis.remote
    def pair() -> tuple[int, int]:
        return 1, 2

    refs = pair.options(num_returns=2).bind().execute()

    assert aktis.get(refs) == [1, 2]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda node: [node],
        lambda node: (node,),
        lambda node: {"key": node},
        lambda node: {node},
        lambda node: [{"key": (node,)}],
        lambda node: Point(node, 2),
    ],
    ids=["list", "tuple", "dict", "set", "nested", "named tuple"],
)
def test_a_node_within_an_argument_arrives_as_a_ref(wrap: Callable[[Any], Any]) -> None:
    value = aktis.get(given_back.bind(wrap(add.bind(1))).execute())

    kind = type(wrap(1))
    assert type(value) is kind
    assert aktis.get(refs_in(value)) == [2]


def refs_in(value: Any) -> list[aktis.ObjectRef[Any]]:
    """The refs within containers."""
    if isinstance(value, aktis.ObjectRef):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [ref for one in value if not isinstance(one, int) for ref in refs_in(one)]


def test_a_node_elsewhere_in_an_argument_is_an_error_that_says_where_nodes_may_be() -> None:
    graph = given_back.bind(Holder(add.bind(1)))

    with pytest.raises(TypeError, match="nodes of a graph stay where they were bound"):
        graph.execute()


def test_a_long_graph_runs() -> None:
    graph: DAGNode = add.bind(0)
    for _ in range(LONG - 1):
        graph = add.bind(graph)

    assert aktis.get(graph.execute()) == LONG


def test_the_input_is_what_execute_is_given() -> None:
    with InputNode() as given:
        graph = add.bind(given, given)

    assert aktis.get([graph.execute(2), graph.execute(3)]) == [4, 6]


def test_the_input_may_be_a_ref() -> None:
    with InputNode() as given:
        graph = add.bind(given)

    assert aktis.get(graph.execute(aktis.put(4))) == 5


def test_several_arguments_are_found_by_place_and_by_name() -> None:
    with InputNode() as given:
        graph = MultiOutputNode([add.bind(given[0], given.x), add.bind(given[1], given["x"])])

    assert aktis.get(graph.execute(1, 2, x=10)) == [11, 12]


def test_parts_of_a_single_argument_are_its_items_and_attributes() -> None:
    with InputNode() as given:
        by_index = add.bind(given[0], given[1])
        by_key = add.bind(given["a"])
        by_attribute = add.bind(given.x, given.y)

    assert aktis.get(by_index.execute([1, 2])) == 3
    assert aktis.get(by_key.execute({"a": 4})) == 5
    assert aktis.get(by_attribute.execute(Point(5, 6))) == 11


def test_the_whole_of_several_arguments_is_one_value() -> None:
    with InputNode() as given:
        graph = given_back.bind(given)

    value = aktis.get(graph.execute(1, key=2))

    assert isinstance(value, DAGInputData)
    assert (value[0], value["key"]) == (1, 2)


def test_an_argument_that_the_graph_takes_and_nobody_gave_is_named() -> None:
    with InputNode() as given:
        by_place = add.bind(given[2])
        by_name = add.bind(given.missing)

    with pytest.raises(IndexError, match=r"takes argument 2, and execute\(\) got 2"):
        by_place.execute(1, 2)
    with pytest.raises(KeyError, match="takes an argument 'missing'"):
        by_name.execute(1, other=2)


def test_execute_without_the_input_is_an_error() -> None:
    with InputNode() as given:
        graph = add.bind(given)

    with pytest.raises(TypeError, match="got no argument"):
        graph.execute()


def test_execute_with_an_input_that_nothing_takes_is_an_error() -> None:
    with pytest.raises(TypeError, match="nothing in the graph takes"):
        add.bind(1).execute(2)


def test_several_ends_give_several_refs_and_share_what_they_need(tally: Tally) -> None:
    shared = counted.bind(tally, 1)

    refs = MultiOutputNode([add.bind(shared, 1), add.bind(shared, 2), shared]).execute()

    assert aktis.get(refs) == [2, 3, 1]
    assert tally.count() == 1


def test_several_ends_must_be_nodes() -> None:
    with pytest.raises(ValueError, match="takes nodes"):
        MultiOutputNode([add.bind(1), 2])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="a list of nodes"):
        MultiOutputNode(add.bind(1))  # type: ignore[arg-type]


def test_each_execution_makes_its_own_actor_once(tally: Tally) -> None:
    counter = Counter.bind(10, tally)
    graph = add.bind(counter.add.bind(1), counter.value.bind())

    assert aktis.get([graph.execute(), graph.execute()]) == [22, 22]
    assert tally.count() == 2


def test_methods_bound_before_run_before_though_nothing_needs_their_results() -> None:
    first, second = Counter.bind(10), Counter.bind(100)
    first.add.bind(2)
    first.add.bind(4)
    second.add.bind(6)

    graph = add.bind(first.value.bind(), second.value.bind())

    assert aktis.get(graph.execute()) == 122


def test_methods_bound_later_do_not_run() -> None:
    counter = Counter.bind(0)
    graph = counter.add.bind(1)
    counter.add.bind(100)

    assert aktis.get(graph.execute()) == 1


def test_a_node_of_a_class_takes_nodes_and_gives_a_handle() -> None:
    node = Counter.bind(add.bind(1, 2))

    handle = node.execute()

    assert isinstance(node, ClassNode)
    assert aktis.get(handle.value.remote()) == 3


def test_a_node_of_a_class_may_be_an_argument() -> None:
    @aktis.remote
    def asked(counter: Any) -> int:
        value: int = aktis.get(counter.value.remote())
        return value

    assert aktis.get(asked.bind(Counter.bind(7)).execute()) == 7


def test_methods_of_an_actor_that_lives_keep_its_state_between_executions() -> None:
    counter = Counter.remote(0)
    with InputNode() as given:
        graph = counter.add.bind(given)

    assert [aktis.get(graph.execute(amount)) for amount in (1, 2, 3)] == [1, 3, 6]


def test_several_results_of_a_method_are_several_nodes() -> None:
    value, negative = Counter.remote(3).both.bind()

    assert aktis.get(add.bind(value, negative).execute()) == 0


def test_options_of_a_bound_method_are_those_of_its_call() -> None:
    refs = Counter.bind(1).both.options(num_returns=1).bind()

    assert aktis.get(refs.execute()) == (1, -1)


@pytest.mark.parametrize(
    "bind",
    [
        add.bind,
        lambda: add.bind(1, 2, 3),
        Counter.bind,
        lambda: Counter.bind(1).add.bind(2, 3),
        lambda: Counter.remote(1).add.bind(1, 2),
    ],
    ids=["function", "too many", "class", "method of a node", "method of an actor"],
)
def test_arguments_that_do_not_fit_are_an_error_at_bind(bind: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"add\(\)|__init__\(\)"):
        bind()


def test_a_method_that_the_class_has_not_is_an_error_at_bind() -> None:
    with pytest.raises(AttributeError, match="Counter has no method 'nothing'"):
        Counter.bind(1).nothing.bind()


def test_a_node_tells_its_options() -> None:
    assert add.bind(1).get_options() == {}
    assert add.options(num_cpus=2).bind(1).get_options() == {"num_cpus": 2}
    assert Counter.options(name="one").bind(1).get_options() == {"name": "one"}
    assert Counter.bind(1).add.options(name="two").bind(1).get_options() == {"name": "two"}


def test_what_is_bound_is_executed_and_not_called() -> None:
    with pytest.raises(AttributeError, match=r"write \.execute\(\) instead of \.remote\(\)"):
        add.bind(1).remote(2)
    with pytest.raises(AttributeError, match="Counter has no method 'remote'"):
        Counter.bind(1).remote()


def test_the_input_node_itself_takes_nothing() -> None:
    with pytest.raises(ValueError, match=r"given to execute\(\)"):
        InputNode(1)


def test_a_bound_method_cannot_be_called() -> None:
    with pytest.raises(AttributeError, match=r"write \.bind"):
        Counter.bind(1).add.remote(1)


def test_an_input_is_not_walked_through() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(InputNode())  # type: ignore[call-overload]


def test_errors_of_a_call_are_raised_where_its_graph_is_got() -> None:
    @aktis.remote
    def fail(value: int) -> int:
        message = f"no {value}"
        raise ValueError(message)

    with pytest.raises(ValueError, match="no 3"):
        aktis.get(add.bind(fail.bind(3)).execute())


def test_compiled_graphs_are_refused_with_what_to_do_instead() -> None:
    with pytest.raises(NotImplementedError, match=r"execute\(\) runs the same graph"):
        add.bind(1).experimental_compile()


def test_a_node_shows_what_is_bound_to_it() -> None:
    with InputNode() as given:
        graph = add.bind(add.bind(given), right=given.x)

    assert repr(graph) == "add.bind(<add>, right=<InputNode().x>)"
    assert graph.get_kwargs().keys() == {"right"}
