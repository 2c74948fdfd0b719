"""What several actors compute from results of each other.

Owns the node. Does not own what is computed (`aktis.experimental.collective`), nor how a graph runs
(`aktis.dag.dag_node`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis.dag.class_node import ClassMethodNode, MethodResultNode
from aktis.dag.dag_node import DAGNode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aktis.dag.dag_node import Run


class CollectiveOutputNode(DAGNode):
    """What one of the actors has of an operation that takes results of all of them.

    It is a call of that actor, which reads the results where they lie: no actor waits for another.
    """

    def __init__(
        self, function: Callable[..., Any], inputs: Sequence[DAGNode], rank: int, *, name: str
    ) -> None:
        """Takes the results of all inputs to the actor of one.

        Args:
            function: What to call in the actor, with the instance, the rank, and the results.
            inputs: Calls of as many actors.
            rank: Whose actor runs it.
            name: What the operation is called in messages.
        """
        super().__init__(tuple(inputs))
        self._function = function
        self._rank = rank
        self._operation = name

    @property
    def actor(self) -> Any:
        """The handle of the actor that runs it, or the node that stands for it."""
        return actor_of(self.get_args()[self._rank])

    def _run(self, run: Run) -> Any:
        handle = run.results[self.actor] if isinstance(self.actor, DAGNode) else self.actor
        return handle.__aktis_call__.remote(self._function, self._rank, *run.args_of(self))

    def _name(self) -> str:
        return f"{self._operation}[{self._rank}]"


def actor_of(node: DAGNode) -> Any:
    """The actor whose result a node gives.

    Raises:
        ValueError: the node is no call of an actor.
    """
    if isinstance(node, ClassMethodNode | MethodResultNode | CollectiveOutputNode):
        return node.actor
    message = f"{node!r} is no call of an actor; what actors exchange are results of their methods"
    raise ValueError(message)
