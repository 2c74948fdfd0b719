"""Several ends of one graph.

Owns the node that gathers them. Does not own how a graph runs (`aktis.dag.dag_node`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis.dag.dag_node import DAGNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.dag.dag_node import Run


class MultiOutputNode(DAGNode):
    """Ends a graph in several nodes: `execute` returns a list of what they give."""

    def __init__(self, args: Sequence[DAGNode]) -> None:
        """Gathers the nodes.

        Raises:
            ValueError: `args` is neither a list nor a tuple of nodes.
        """
        if not isinstance(args, list | tuple):
            message = f"MultiOutputNode takes a list of nodes, not {args!r}"
            raise ValueError(message)  # noqa: TRY004 - programs written for Ray catch ValueError
        for one in args:
            if not isinstance(one, DAGNode):
                message = f"MultiOutputNode takes nodes, which .bind(...) gives, not {one!r}"
                raise ValueError(message)  # noqa: TRY004 - as above
        super().__init__(tuple(args))

    def _run(self, run: Run) -> Any:
        return list(run.args_of(self))

    def __repr__(self) -> str:
        return f"MultiOutputNode({list(self._args)!r})"

    def _name(self) -> str:
        return "MultiOutputNode()"
