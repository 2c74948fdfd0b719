"""Groups of actors as handles, and collective operations in graphs.

Owns `aktis.experimental.collective`, and what a graph looks like when it is drawn. Does not own
what groups do (`test_collective_operations.py`), nor graphs (`test_dag.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.dag import CollectiveOutputNode, InputNode, MultiOutputNode, plot
from aktis.dag.picture import Picture
from aktis.experimental import collective
from aktis.util import collective as col
from aktis.util.collective.types import ReduceOp

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def actors() -> Iterator[list[Any]]:
    """Two actors in no group."""
    made: list[Any] = [Holder.remote(value) for value in (1, 2)]
    yield made
    collective.destroy_all_collective_groups()
    for actor in made:
        aktis.kill(actor)


def test_a_group_of_actors_has_a_handle(actors: list[Any]) -> None:
    group = collective.create_collective_group(actors, "gloo", "pair")

    assert (group.name, group.backend, group.actors) == ("pair", "GLOO", actors)
    assert [group.get_rank(actor) for actor in actors] == [0, 1]
    assert aktis.get([actor.rank.remote("pair") for actor in actors]) == [0, 1]
    assert aktis.get([actor.reduce.remote("pair") for actor in actors]) == [[3, 3], [3, 3]]


def test_a_group_without_a_name_gets_one(actors: list[Any]) -> None:
    groups = [collective.create_collective_group(actors, "gloo") for _ in range(2)]

    assert len({group.name for group in groups}) == 2
    assert all(group.name for group in groups)


def test_groups_are_found_by_their_actors(actors: list[Any]) -> None:
    both = collective.create_collective_group(actors, "gloo")
    first = collective.create_collective_group(actors[:1], "gloo")

    assert collective.get_collective_groups(actors) == [both]
    assert collective.get_collective_groups(actors[:1], "gloo") == [both, first]
    assert collective.get_collective_groups(actors, "nccl") == []


def test_actors_of_a_group_that_is_destroyed_are_in_none(actors: list[Any]) -> None:
    by_handle = collective.create_collective_group(actors, "gloo")
    by_name = collective.create_collective_group(actors, "gloo", "named")

    collective.destroy_collective_group(by_handle)
    collective.destroy_collective_group("named")

    assert collective.get_collective_groups(actors) == []
    ranks = [actor.rank.remote(name) for actor in actors for name in (by_handle.name, by_name.name)]
    assert aktis.get(ranks) == [-1] * 4
    with pytest.raises(ValueError, match="'named'"):
        collective.destroy_collective_group("named")


def test_an_actor_is_in_a_group_once(actors: list[Any]) -> None:
    with pytest.raises(ValueError, match="once"):
        collective.create_collective_group(actors[:1] * 2, "gloo")


def test_a_group_for_devices_is_refused(actors: list[Any]) -> None:
    with pytest.raises(NotImplementedError, match="nccl"):
        collective.create_collective_group(actors, "nccl")


def test_the_functions_are_those_of_groups_too(actors: list[Any]) -> None:
    name = collective.create_collective_group(actors, "gloo").name

    def use_all(rank: int) -> Any:
        tensor = np.full(2, rank + 1)
        gathered = [np.zeros(2, int), np.zeros(2, int)]
        collective.allgather(gathered, tensor, name)
        collective.allreduce(tensor, name, ReduceOp.MAX)
        part = np.zeros(2, int)
        collective.reducescatter(part, gathered, name)
        return [one.tolist() for one in (*gathered, tensor, part)]

    first, second = aktis.get(
        [actor.call.remote(use_all, rank) for rank, actor in enumerate(actors)]
    )

    assert first == [[1, 1], [2, 2], [2, 2], [2, 2]]
    assert second == [[1, 1], [2, 2], [2, 2], [4, 4]]


def test_allreduce_in_a_graph_gives_each_actor_the_reduction(actors: list[Any]) -> None:
    with InputNode() as length:
        values = [actor.row.bind(length) for actor in actors]
        graph = MultiOutputNode(collective.allreduce.bind(values))

    assert [one.tolist() for one in aktis.get(graph.execute(3))] == [[3, 3, 3], [3, 3, 3]]
    assert [one.tolist() for one in aktis.get(graph.execute(1))] == [[3], [3]]


def test_allreduce_in_a_graph_takes_the_operation_and_several_lists(actors: list[Any]) -> None:
    lists = [[actor.row.bind(length) for actor in actors] for length in (1, 2)]
    short, long = collective.allreduce.bind(lists, ReduceOp.PRODUCT)
    graph = MultiOutputNode([*short, *long])

    found = [one.tolist() for one in aktis.get(graph.execute())]

    assert found == [[2], [2], [2, 2], [2, 2]]


def test_one_of_several_results_of_a_call_is_reduced_too(actors: list[Any]) -> None:
    (row, _), other = actors[0].row_and_length.bind(2), actors[1].row.bind(2)

    found = aktis.get(MultiOutputNode(collective.allreduce.bind([row, other])).execute())

    assert [one.tolist() for one in found] == [[3, 3], [3, 3]]


def test_allgather_in_a_graph_joins_the_results(actors: list[Any]) -> None:
    nodes = collective.allgather.bind([actor.row.bind(2) for actor in actors])

    found = [one.tolist() for one in aktis.get(MultiOutputNode(nodes).execute())]

    assert found == [[1, 1, 2, 2]] * 2


def test_reducescatter_in_a_graph_gives_each_actor_its_part(actors: list[Any]) -> None:
    nodes = collective.reducescatter.bind([actor.steps.bind(4) for actor in actors])

    found = [one.tolist() for one in aktis.get(MultiOutputNode(nodes).execute())]

    assert found == [[0, 3], [6, 9]]


def test_what_cannot_be_cut_into_parts_is_an_error(actors: list[Any]) -> None:
    nodes = collective.reducescatter.bind([actor.row.bind(3) for actor in actors])

    with pytest.raises(ValueError, match="2 equal parts"):
        aktis.get(nodes[0].execute())


def test_results_that_differ_in_shape_are_an_error(actors: list[Any]) -> None:
    nodes = collective.allreduce.bind([actors[0].row.bind(1), actors[1].row.bind(2)])

    with pytest.raises(ValueError, match="differ in shape or type"):
        aktis.get(nodes[0].execute())


def test_the_operation_runs_in_the_actors_of_its_inputs(actors: list[Any]) -> None:
    reduced = collective.allreduce.bind([actor.row.bind(2) for actor in actors])
    again = collective.allreduce.bind(reduced)
    graph = MultiOutputNode(
        [actor.keep.bind(node) for actor, node in zip(actors, again, strict=True)]
    )

    assert aktis.get(graph.execute()) == [[6, 6], [6, 6]]
    assert [node.actor for node in again] == actors


def test_actors_that_an_execution_makes_exchange_results_too() -> None:
    nodes = collective.allreduce.bind([Holder.bind(value).row.bind(1) for value in (1, 2)])

    assert [one.tolist() for one in aktis.get(MultiOutputNode(nodes).execute())] == [[3], [3]]


def test_inputs_that_are_no_calls_of_several_actors_are_refused(actors: list[Any]) -> None:
    with pytest.raises(ValueError, match="no call of an actor"):
        collective.allreduce.bind([double.bind(1)])
    with pytest.raises(ValueError, match="several actors"):
        collective.allgather.bind([actors[0].row.bind(1), actors[0].row.bind(2)])
    with pytest.raises(ValueError, match="several actors"):
        collective.reducescatter.bind([])


def test_transports_between_devices_are_refused(actors: list[Any]) -> None:
    with pytest.raises(NotImplementedError, match="transports"):
        collective.allreduce.bind([actors[0].row.bind(1)], transport="nccl")


def test_a_node_says_what_it_is(actors: list[Any]) -> None:
    (node,) = collective.allreduce.bind([actors[0].row.bind(1)])

    assert isinstance(node, CollectiveOutputNode)
    assert repr(node) == "allreduce[0].bind(<Holder.row>)"


def test_a_graph_is_written_down_as_a_drawing(tmp_path: Path) -> None:
    with InputNode() as number:
        graph = double.bind(double.bind(number["a"]))

    assert plot(graph, tmp_path / "graph.dot") is None

    lines = [line.strip() for line in (tmp_path / "graph.dot").read_text().splitlines()]
    assert lines == [
        "digraph G {",
        "rankdir=LR;",
        '0 [label="InputNode()", shape=box];',
        "1 [label=\"InputNode()['a']\", shape=box];",
        "2 [label=double, shape=box];",
        "3 [label=double, shape=box];",
        "0 -> 1;",
        "1 -> 2;",
        "2 -> 3;",
        "}",
    ]


def test_graphviz_makes_pictures_of_a_graph(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_in_place_of_graphviz(tmp_path, 'printf %s "$1"', monkeypatch)

    picture = plot(double.bind(1))
    plot(double.bind(1), tmp_path / "graph.svg")

    assert isinstance(picture, Picture)
    assert picture._repr_png_() == b"-Tpng"
    assert (tmp_path / "graph.svg").read_bytes() == b"-Tsvg"


def test_what_graphviz_does_not_make_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_in_place_of_graphviz(tmp_path, "echo Format not recognized >&2; exit 1", monkeypatch)

    with pytest.raises(ValueError, match="Graphviz made no 'tin'"):
        plot(double.bind(1), tmp_path / "graph.tin")

    assert "Format not recognized" in capsys.readouterr().out


def test_a_picture_without_graphviz_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    for file in (None, tmp_path / "graph.png"):
        with pytest.raises(ImportError, match="graphviz"):
            plot(double.bind(1), file)


def put_in_place_of_graphviz(
    directory: Path, commands: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Has commands of a shell stand for Graphviz, which need not be installed."""
    program = directory / "dot"
    program.write_text(f"#!/bin/sh\n{commands}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(directory))


@aktis.remote
def double(number: int) -> int:
    return number * 2


@aktis.remote(num_cpus=0)
class Holder:
    def __init__(self, value: int) -> None:
        self.value = value

    def rank(self, name: str) -> int:
        return col.get_rank(name)

    def row(self, length: int) -> Any:
        return np.full(length, self.value)

    @aktis.method(num_returns=2)
    def row_and_length(self, length: int) -> tuple[Any, int]:
        return self.row(length), length

    def steps(self, length: int) -> Any:
        return np.arange(length) * self.value

    def reduce(self, name: str) -> Any:
        tensor = self.row(2)
        col.allreduce(tensor, name)
        return tensor.tolist()

    def keep(self, tensor: Any) -> Any:
        return tensor.tolist()

    def call(self, function: Any, *args: Any) -> Any:
        return function(*args)
