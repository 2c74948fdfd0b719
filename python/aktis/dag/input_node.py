"""What a graph is given when it is executed, as nodes.

Owns how arguments of `execute` are found by place, by name and by attribute. Does not own how a
graph runs (`aktis.dag.dag_node`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from aktis.dag.dag_node import DAGNode

if TYPE_CHECKING:
    from aktis.dag.dag_node import Run


class DAGInputData:
    """Several arguments of `execute` as one value: `data[0]` by place, `data["name"]` by name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args = list(args)
        self._kwargs = kwargs

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, int):
            if key >= len(self._args):
                message = f"the graph takes argument {key}, and execute() got {len(self._args)}"
                raise IndexError(message)
            return self._args[key]
        if key not in self._kwargs:
            message = f"the graph takes an argument {key!r}, which execute() did not get"
            raise KeyError(message)
        return self._kwargs[key]


class InputNode(DAGNode):
    """Stands for what `execute` will be given: `with InputNode() as given: ...`.

    A single argument is what the node gives; several are a `DAGInputData`. `given[0]`,
    `given["name"]` and `given.name` stand for one argument of several, or for a part of a single
    one.
    """

    reads_input = True
    # Otherwise a loop over it would never end: it answers every index.
    __iter__ = None

    def __init__(self, *args: Any, input_type: Any = None, **kwargs: Any) -> None:  # noqa: ARG002 - Ray's signature
        """Takes nothing: what it stands for is given to `execute`.

        Raises:
            ValueError: it is given something.
        """
        if args or kwargs:
            message = "InputNode() takes no arguments; what it stands for is given to execute()"
            raise ValueError(message)
        super().__init__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leaves the block in which the graph is bound; the node stays as it is."""

    def __getitem__(self, key: int | str) -> InputAttributeNode:
        if not isinstance(key, int | str):
            message = f"a part of the input is found by an int or a string, not by {key!r}"
            raise TypeError(message)
        return InputAttributeNode(self, key, by_attribute=False)

    def __getattr__(self, name: str) -> InputAttributeNode:
        if name.startswith("_"):
            message = f"InputNode has no attribute {name!r}"
            raise AttributeError(message)
        return InputAttributeNode(self, name, by_attribute=True)

    def _run(self, run: Run) -> Any:
        args, kwargs = run.given
        return args[0] if len(args) == 1 and not kwargs else DAGInputData(*args, **kwargs)

    def __repr__(self) -> str:
        return "InputNode()"

    def _name(self) -> str:
        return "InputNode()"


class InputAttributeNode(DAGNode):
    """Stands for a part of what `execute` will be given."""

    def __init__(self, given: InputNode, key: int | str, *, by_attribute: bool) -> None:
        """Takes an item, or an attribute."""
        super().__init__((given,))
        self._key = key
        self._by_attribute = by_attribute

    @property
    def key(self) -> int | str:
        """The place or the name of the part."""
        return self._key

    def _run(self, run: Run) -> Any:
        (given,) = run.args_of(self)
        if self._by_attribute and not isinstance(given, DAGInputData):
            return getattr(given, str(self._key))
        return given[self._key]

    def __repr__(self) -> str:
        return f"InputNode().{self._key}" if self._by_attribute else f"InputNode()[{self._key!r}]"

    def _name(self) -> str:
        return repr(self)
