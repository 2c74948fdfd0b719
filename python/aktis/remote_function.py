"""Remote functions: what `@aktis.remote` makes of a function, and what a call of it costs.

Owns the call: its check, its template, its refs. Does not own options (`aktis.options`), what they
ask for (`aktis.placing`), nor the way of a task (the engine).

All that calls of one function have in common is made once for each session; a call checks the form
of its arguments and hands them over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, overload

from aktis import options as option_table, placing, settings
from aktis._kernel import functions, session, submit
from aktis._typing import P, Remote, S_co
from aktis.signatures import Signature, is_generator, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aktis._kernel.session import Session
    from aktis._kernel.submit import Template
    from aktis.dag.function_node import FunctionNode
    from aktis.generators import DynamicObjectRefGenerator, ObjectRefGenerator
    from aktis.types import ObjectRef


# Variants with other options that a function remembers; a program has few. At the limit all are
# forgotten, and made anew when they are needed.
VARIANTS_MAX = 64
# Values of options that stay what they are, so that a variant can be found by them.
_PLAIN = (bool, float, int, str, type(None))


class Prepared(NamedTuple):
    """What all calls of a function by one caller in one session have in common."""

    session: Session
    caller: placing.Caller
    template: Template


class RemoteFunction(Remote[P, S_co]):
    """A function whose calls are tasks: `f.remote(...)` returns a ref to the result at once."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        """Checks the options; the function is pickled at its first call in a session."""
        self._function = function
        self._published = functions.Published(function)
        self._options = dict(options)
        self._name = getattr(function, "__qualname__", type(function).__name__)
        self._is_generator = is_generator(function)
        self._signature: Signature | None = None
        # Filled at the first call in a session.
        self._prepared: Prepared | None = None
        self._count_min = 1
        self._count_max = 0
        self._variants: dict[tuple[tuple[str, Any], ...], RemoteFunction[P, Any]] = {}
        for name in ("__doc__", "__module__", "__name__", "__qualname__"):
            setattr(self, name, getattr(function, name, None))

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises: a remote function has no direct call."""
        name = self._name
        message = f"call {name}.remote(...) instead of {name}(...): it is a remote function"
        raise TypeError(message)

    if not TYPE_CHECKING:

        def remote(self, /, *args: Any, **kwargs: Any) -> Any:
            """Submits a task and returns a ref to its result, or as many as `num_returns` says.

            Raises:
                TypeError: the function cannot be called so, or an argument cannot be pickled.
            """
            here, prepared = session.current(), self._prepared
            if prepared is None or here is not prepared.session or not here.is_driver:
                return self._submit_anew(args, kwargs)
            if kwargs or not self._count_min <= len(args) <= self._count_max:
                self._signature.check(args, kwargs)
            return submit.submit(prepared.template, args, kwargs)

    @overload
    def options(self, *, num_returns: Literal[0], **options: Any) -> RemoteFunction[P, None]: ...
    @overload
    def options(
        self, *, num_returns: Literal["streaming"], **options: Any
    ) -> RemoteFunction[P, ObjectRefGenerator[Any]]: ...
    @overload
    def options(
        self, *, num_returns: Literal["dynamic"], **options: Any
    ) -> RemoteFunction[P, ObjectRef[DynamicObjectRefGenerator]]: ...
    @overload
    def options(
        self, *, num_returns: Literal[1], **options: Any
    ) -> RemoteFunction[P, ObjectRef[Any]]: ...
    @overload
    def options(
        self, *, num_returns: int, **options: Any
    ) -> RemoteFunction[P, list[ObjectRef[Any]]]: ...
    @overload
    def options(self, **options: Any) -> RemoteFunction[P, S_co]: ...
    def options(self, **options: Any) -> RemoteFunction[P, Any]:
        """Returns the same function with some options changed.

        Raises:
            ValueError: an option is not known, or its value makes no sense.
        """
        checked = option_table.checked("task call", options)
        if not all(isinstance(value, _PLAIN) for value in checked.values()):
            return self._variant(checked)
        # Programs write `f.options(...).remote(...)` in loops, and learning a function takes time.
        key = tuple(checked.items())
        variant = self._variants.get(key)
        if variant is None:
            if len(self._variants) >= VARIANTS_MAX:
                self._variants.clear()
            variant = self._variants[key] = self._variant(checked)
        return variant

    def bind(self, /, *args: Any, **kwargs: Any) -> FunctionNode:
        """Returns a node of a graph: the call is made when the graph is executed.

        Raises:
            TypeError: the function cannot be called so.
        """
        from aktis.dag.function_node import FunctionNode

        self._known_signature().check(args, kwargs)
        return FunctionNode(self, args, kwargs, options=self._options)

    def __repr__(self) -> str:
        return f"<remote function {self._name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteFunction, (self._function, self._options)

    def _variant(self, changed: dict[str, Any]) -> RemoteFunction[P, Any]:
        variant: RemoteFunction[P, Any] = RemoteFunction(self._function, self._options | changed)
        variant._published = self._published
        return variant

    def _submit_anew(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Submits where the session or the caller may have changed since the last call."""
        here = session.require()
        # What children inherit differs between tasks.
        caller, prepared = placing.caller(here), self._prepared
        if prepared is None or prepared.session is not here or prepared.caller != caller:
            prepared = self._prepared = self._prepare(here, caller)
        self._known_signature().check(args, kwargs)
        return submit.submit(prepared.template, args, kwargs)

    def _prepare(self, here: Session, caller: placing.Caller) -> Prepared:
        option_table.check_returns(
            self._returns(), name=self._name, is_generator=self._is_generator
        )
        signature = self._known_signature()
        self._count_min, self._count_max = signature.count_min, signature.count_max
        options = self._options
        held = placing.amounts(options, cpus=1)
        retries = options.get("max_retries")
        template = submit.make_template(
            function=self._published.id(here),
            name=options.get("name") or self._name,
            callee="function",
            resources=held,
            environment=placing.environment(options),
            strategy=placing.strategy(options, held),
            returns=self._returns(),
            max_retries=settings.read(settings.TASK_MAX_RETRIES) if retries is None else retries,
            retry_exceptions=retried(options.get("retry_exceptions")),
            timeout_s=options.get("timeout_s"),
            max_calls=options.get("max_calls") or 0,
            look_ahead=look_ahead(options),
        )
        return Prepared(here, caller, template)

    def _known_signature(self) -> Signature:
        if self._signature is None:
            self._signature = signature_of(self._function, name=self._name)
        return self._signature

    def _returns(self) -> Any:
        asked = self._options.get("num_returns")
        if asked is None:
            return "streaming" if self._is_generator else 1
        return asked


def retried(asked: Any) -> bool | tuple[type[BaseException], ...]:
    """Which errors of user code lead to another attempt, in the engine's words."""
    return tuple(asked) if isinstance(asked, list | tuple) else bool(asked)


def look_ahead(options: Mapping[str, Any]) -> int | None:
    """How many items of a stream may wait for their consumer; None is without limit."""
    asked = options.get("_generator_backpressure_num_objects")
    return None if asked in {None, -1} else int(asked)
