"""A remote function bound to its arguments.

Owns the node. Does not own the function (`aktis.remote_function`), nor how a graph runs
(`aktis.dag.dag_node`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis.dag.dag_node import DAGNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis.dag.dag_node import Run


class FunctionNode(DAGNode):
    """What `f.bind(...)` gives: a task, once the graph is executed."""

    def __init__(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
    ) -> None:
        """Binds a remote function, which has these options."""
        super().__init__(args, kwargs, options=options)
        self._function = function

    def _run(self, run: Run) -> Any:
        return self._function.remote(*run.args_of(self), **run.kwargs_of(self))

    def _name(self) -> str:
        return str(self._function.__qualname__)
