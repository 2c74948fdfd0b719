"""Nodes of a graph of calls, and how a graph runs.

Owns what all nodes have in common: what is bound to them, and the order in which `execute` runs
them. Does not own what a node does when it runs (`function_node`, `class_node`, `input_node`,
`output_node`).

A node is bound to nodes that were there before it, so a graph has no cycle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Given(NamedTuple):
    """What `execute` was called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Run:
    """One execution of a graph: what it was given, and what the nodes have given so far."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.results: dict[DAGNode, Any] = {}

    def args_of(self, node: DAGNode) -> tuple[Any, ...]:
        """What is bound to a node by place, with results in place of nodes."""
        return tuple(with_results(value, self.results) for value in node.get_args())

    def kwargs_of(self, node: DAGNode) -> dict[str, Any]:
        """What is bound to a node by name, with results in place of nodes."""
        bound = node.get_kwargs()
        return {name: with_results(value, self.results) for name, value in bound.items()}


class DAGNode(ABC):
    """A call that is bound and not made yet; `execute` makes it, and all it needs."""

    # Whether it takes what `execute` is given.
    reads_input: ClassVar[bool] = False

    def __init__(
        self,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        after: tuple[DAGNode, ...] = (),
    ) -> None:
        """Binds the arguments.

        Args:
            args: Arguments by place; nodes among them, or in lists, tuples, dicts and sets among
                them, stand for their results.
            kwargs: Arguments by name, likewise.
            options: Options of the call.
            after: Nodes that run before this one without being arguments.
        """
        self._args = args
        self._kwargs = dict(kwargs or {})
        self._options = dict(options or {})
        found = (*after, *_nodes_in(args), *_nodes_in(self._kwargs))
        self._upstream = tuple(dict.fromkeys(found))

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the graph that ends in this node, and returns what this node gives: a ref mostly.

        Every node runs once, however many others it is bound to; nothing is waited for.

        Args:
            *args: What the graph's `InputNode` stands for.
            **kwargs: Likewise, by name.

        Raises:
            TypeError: arguments are given and no `InputNode` takes them, or the other way round.
        """
        nodes = self._in_order()
        _check_given(bool(args or kwargs), reads=any(node.reads_input for node in nodes))
        run = Run(Given(args, kwargs))
        for node in nodes:
            run.results[node] = node._run(run)  # noqa: SLF001 - of this class
        return run.results[self]

    @property
    def remote(self) -> NoReturn:
        """Raises: what is bound is executed, not called."""
        message = f"{self!r} is bound already: write .execute() instead of .remote()"
        raise AttributeError(message)

    def experimental_compile(self, **_options: Any) -> NoReturn:
        """Raises: compiled graphs are not there yet."""
        message = "compiled graphs are not there yet; execute() runs the same graph call by call"
        raise NotImplementedError(message)

    def with_tensor_transport(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises: transports between devices are not there yet."""
        message = "tensor transports are not there yet; arrays travel through shared memory"
        raise NotImplementedError(message)

    def get_args(self) -> tuple[Any, ...]:
        """What is bound by place."""
        return self._args

    def get_kwargs(self) -> dict[str, Any]:
        """What is bound by name."""
        return dict(self._kwargs)

    def get_options(self) -> dict[str, Any]:
        """The options of the call."""
        return dict(self._options)

    def outlined(self) -> tuple[list[str], list[tuple[int, int]]]:
        """The graph in words: its nodes, and which is needed by which, by their places."""
        nodes = self._in_order()
        places = {node: place for place, node in enumerate(nodes)}
        needs = [(places[one], places[node]) for node in nodes for one in node._upstream]  # noqa: SLF001 - of this class
        return [node._name() for node in nodes], needs  # noqa: SLF001 - of this class

    def __repr__(self) -> str:
        named = [f"{name}={_brief(value)}" for name, value in self._kwargs.items()]
        return f"{self._name()}.bind({', '.join([*map(_brief, self._args), *named])})"

    def __reduce__(self) -> NoReturn:
        message = (
            f"{self!r} cannot be sent: nodes of a graph stay where they were bound. Bound to a "
            f"node, they may be arguments, or lie in lists, tuples, dicts and sets"
        )
        raise TypeError(message)

    @abstractmethod
    def _run(self, run: Run) -> Any:
        """Does what the node stands for, once all it is bound to has run."""

    @abstractmethod
    def _name(self) -> str:
        """What the node is called in messages."""

    def _in_order(self) -> list[DAGNode]:
        """This node and all it needs, each after what it needs itself."""
        ordered: dict[DAGNode, None] = {}
        waiting: list[DAGNode] = [self]
        while waiting:
            node = waiting[-1]
            missing = [one for one in node._upstream if one not in ordered]  # noqa: SLF001 - of this class
            if missing:
                waiting.extend(reversed(missing))
            else:
                ordered[waiting.pop()] = None
        return list(ordered)


def with_results(value: Any, results: Mapping[DAGNode, Any]) -> Any:
    """The value with results in place of nodes; without nodes in it, the value itself."""
    if isinstance(value, DAGNode):
        return results[value]
    if not any(_nodes_in(value)):
        return value
    if isinstance(value, dict):
        return {name: with_results(one, results) for name, one in value.items()}
    replaced = [with_results(one, results) for one in value]
    # The constructor of a named tuple takes its fields one by one.
    return value._make(replaced) if hasattr(value, "_make") else type(value)(replaced)


def _nodes_in(value: Any) -> Iterator[DAGNode]:
    if isinstance(value, DAGNode):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _nodes_in(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _nodes_in(one)


def _check_given(given: bool, *, reads: bool) -> None:  # noqa: FBT001 - named at its only use
    if given and not reads:
        message = (
            "execute() got arguments that nothing in the graph takes; bind an InputNode where they "
            "belong, or leave them out"
        )
        raise TypeError(message)
    if reads and not given:
        message = "execute() got no argument, and the graph has an InputNode that stands for one"
        raise TypeError(message)


def _brief(value: Any) -> str:
    """A bound value in a few words; a shared node would be written out once for each use."""
    if isinstance(value, DAGNode):
        return f"<{value._name()}>"  # noqa: SLF001 - of this class
    return repr(value)
