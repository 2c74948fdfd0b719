"""Actor classes and methods of actors, bound to their arguments.

Owns the nodes, and the order of methods bound to one node of a class. Does not own actors
(`aktis.actors`, `aktis.actor_handles`), nor how a graph runs (`aktis.dag.dag_node`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis import options as option_table
from aktis.dag.dag_node import DAGNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis.dag.dag_node import Run
    from aktis.methods import MethodInfo


class ClassNode(DAGNode):
    """What `Cls.bind(...)` gives: an actor, made once for each execution that needs it.

    `node.method.bind(...)` binds a method. Methods bound to one node run in the order in which they
    were bound, and before a method runs, all run that were bound earlier.
    """

    def __init__(
        self,
        actor_class: Any,
        methods: Mapping[str, MethodInfo],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
    ) -> None:
        """Binds an actor class, which has these options."""
        super().__init__(args, kwargs, options=options)
        self._actor_class = actor_class
        self._methods = methods
        self._last_method: tuple[ClassMethodNode, ...] = ()

    def __getattr__(self, name: str) -> UnboundMethod:
        # What is private is asked for before the node is complete too, by picklers for example.
        found = None if name.startswith("_") else self._methods.get(name)
        if found is None:
            message = f"{type(self).__name__} has no attribute {name!r}"
            if not name.startswith("_"):
                message = f"{self._name()} has no method {name!r}, so it cannot be bound"
            raise AttributeError(message)
        return UnboundMethod(self, found, {})

    def bind_method(
        self,
        method: MethodInfo,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> ClassMethodNode:
        """Binds a method of the actor that each execution makes, after those bound before."""
        after = (self, *self._last_method)
        node = ClassMethodNode(self, method, args, kwargs, options=options, after=after)
        self._last_method = (node,)
        return node

    def _run(self, run: Run) -> Any:
        return self._actor_class.remote(*run.args_of(self), **run.kwargs_of(self))

    def _name(self) -> str:
        return str(self._actor_class.__name__)


class UnboundMethod:
    """A method of a node of a class, to be bound."""

    def __init__(self, node: ClassNode, method: MethodInfo, options: Mapping[str, Any]) -> None:
        self._node = node
        self._method = method
        self._options = options

    def bind(self, *args: Any, **kwargs: Any) -> ClassMethodNode:
        """Binds the method to its arguments.

        Raises:
            TypeError: the method cannot be called so.
        """
        self._method.signature.check(args, kwargs)
        return self._node.bind_method(self._method, args, kwargs, self._options)

    def options(self, **options: Any) -> UnboundMethod:
        """Returns the same method with some options changed for this use.

        Raises:
            ValueError: an option is not known, or its value makes no sense.
        """
        changed = {**self._options, **option_table.checked("method call", options)}
        return UnboundMethod(self._node, self._method, changed)

    def __getattr__(self, name: str) -> Any:
        message = f"{self._method.signature.name} is bound, not called: write .bind(...)"
        raise AttributeError(message)


class ClassMethodNode(DAGNode):
    """What `.bind(...)` of a method gives: a call of an actor, once the graph is executed."""

    def __init__(
        self,
        actor: Any,
        method: MethodInfo,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
        after: tuple[DAGNode, ...] = (),
    ) -> None:
        """Binds a method of an actor: one that lives, or one that a node stands for."""
        super().__init__(args, kwargs, options=options, after=after)
        self._actor = actor
        self._method = method

    def get_method_name(self) -> str:
        """The name of the method."""
        return self._method.name

    @property
    def actor(self) -> Any:
        """The handle of the actor, or the node that stands for it."""
        return self._actor

    def _run(self, run: Run) -> Any:
        handle = run.results[self._actor] if isinstance(self._actor, DAGNode) else self._actor
        method = getattr(handle, self._method.name)
        if self._options:
            method = method.options(**self._options)
        return method.remote(*run.args_of(self), **run.kwargs_of(self))

    def _name(self) -> str:
        return self._method.signature.name


class MethodResultNode(DAGNode):
    """One of the results of a method that gives several."""

    def __init__(self, call: ClassMethodNode, index: int) -> None:
        """Takes the result at this place."""
        super().__init__((call,))
        self._call = call
        self._index = index

    @property
    def actor(self) -> Any:
        """The handle of the actor, or the node that stands for it."""
        return self._call.actor

    def _run(self, run: Run) -> Any:
        (results,) = run.args_of(self)
        return results[self._index]

    def __repr__(self) -> str:
        return f"{self._args[0]!r}[{self._index}]"

    def _name(self) -> str:
        return f"result {self._index}"


def bound_methods(
    handle: Any,
    method: MethodInfo,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    options: Mapping[str, Any],
) -> ClassMethodNode | tuple[MethodResultNode, ...]:
    """Binds a method of an actor that lives; several results are as many nodes."""
    node = ClassMethodNode(handle, method, args, kwargs, options=options)
    count = options.get("num_returns", method.options.get("num_returns"))
    if not isinstance(count, int) or count < 2:  # noqa: PLR2004 - several
        return node
    return tuple(MethodResultNode(node, index) for index in range(count))
