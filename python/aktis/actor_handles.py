"""Handles of actors, and their methods: how an actor is called from anywhere.

Owns the call of a method: its check, its template, its refs. Does not own the making of actors
(`aktis.actors`), nor the order and the fate of calls (the engine).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from aktis import exceptions, options as option_table
from aktis._kernel import session, submit
from aktis._typing import P, Remote, S_co
from aktis.ids import ActorID
from aktis.methods import check_group, known_class
from aktis.remote_function import look_ahead, retried

if TYPE_CHECKING:
    from aktis._kernel.session import Session
    from aktis._kernel.submit import Template
    from aktis.methods import KnownClass, MethodInfo
    from aktis.types import ObjectRef

T_co = TypeVar("T_co", covariant=True)


class ActorHandle(Generic[T_co]):
    """Names an actor: `handle.method.remote(...)` calls it. It can be sent anywhere in the cluster.

    An actor that is not detached ends once no handle is left, except for those that `get_actor` and
    `get_runtime_context().current_actor` give, which are weak.
    """

    __slots__ = (
        "__aktis_key__",
        "__aktis_known__",
        "__aktis_ref__",
        "__aktis_session__",
        "__weakref__",
        "_actor_id",
    )

    def __init__(
        self, actor_id: bytes, known: KnownClass, handle_ref: ObjectRef[Any] | None
    ) -> None:
        """A handle that keeps its actor if it has `handle_ref`, and is weak otherwise."""
        self._actor_id = ActorID(actor_id)
        self.__aktis_key__ = actor_id
        self.__aktis_known__ = known
        self.__aktis_ref__ = handle_ref
        self.__aktis_session__ = session.current()
        exceptions.remember_actor(actor_id.hex(), known.info.class_name)

    def __getattr__(self, name: str) -> ActorMethod[..., Any]:
        found = self.__aktis_known__.methods.get(name)
        if found is None:
            message = (
                f"{self.__aktis_known__.info.class_name} has no method {name!r} "
                f"(attributes of the instance cannot be read through its handle)"
            )
            raise AttributeError(message)
        return ActorMethod(self, found)

    def __dir__(self) -> list[str]:
        return sorted(self.__aktis_known__.methods)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActorHandle) and other.__aktis_key__ == self.__aktis_key__

    def __hash__(self) -> int:
        return hash(self.__aktis_key__)

    def __repr__(self) -> str:
        return f"ActorHandle({self.__aktis_known__.info.class_name}, {self._actor_id.hex()})"

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.__aktis_key__, self.__aktis_known__.pickled, self.__aktis_ref__)


class ActorMethod(Remote[P, S_co]):
    """A method of one actor: `.remote(...)` calls it. It keeps the actor as its handle does."""

    __slots__ = ("_handle", "_method", "_options")

    def __init__(
        self, handle: ActorHandle[Any], method: MethodInfo, options: dict[str, Any] | None = None
    ) -> None:
        """The method, with options of this use if there are any."""
        self._handle = handle
        self._method = method
        self._options = options

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises: a method of an actor has no direct call."""
        name = self._method.signature.name
        message = f"call {name}.remote(...) instead of {name}(...): it is a method of an actor"
        raise TypeError(message)

    if not TYPE_CHECKING:

        def remote(self, /, *args: Any, **kwargs: Any) -> Any:
            """Calls the method and returns a ref to its result, or as many as `num_returns` says.

            Raises:
                TypeError: the method cannot be called so, or an argument cannot be pickled.
                PendingCallsLimitExceeded: the actor has too many unfinished calls from here.
            """
            handle, method = self._handle, self._method
            known = handle.__aktis_known__
            signature = method.signature
            if kwargs or not signature.count_min <= len(args) <= signature.count_max:
                signature.check(args, kwargs)
            made = known.templates.get(method.name)
            if self._options is not None:
                check_session(handle)
                template = make_template(known, method, self._options)
            elif made is not None and made[0] is handle.__aktis_session__ is session.current():
                template = made[1]
            else:
                check_session(handle)
                template = _kept_template(known, method)
            if known.pending_max > 0:
                _check_pending(known, handle.__aktis_key__)
            return submit.call(handle.__aktis_key__, handle.__aktis_ref__, template, args, kwargs)

    def options(self, **options: Any) -> ActorMethod[P, Any]:
        """Returns the same method with some options changed for this use.

        Raises:
            ValueError: an option is not known, or its value makes no sense.
        """
        checked = option_table.checked("method call", options)
        groups = self._handle.__aktis_known__.info.options.get("concurrency_groups", {})
        name = self._method.signature.name
        check_group(checked.get("concurrency_group"), groups, name)
        changed = (self._options or {}) | checked
        asked = changed.get("num_returns")
        option_table.check_returns(asked, name=name, is_generator=self._method.is_generator)
        return ActorMethod(self._handle, self._method, changed)

    def bind(self, /, *args: Any, **kwargs: Any) -> Any:
        """Returns a node of a graph, or a tuple of as many as the method has results.

        The call is made when the graph is executed; this actor is the same in each execution.

        Raises:
            TypeError: the method cannot be called so.
        """
        from aktis.dag.class_node import bound_methods

        self._method.signature.check(args, kwargs)
        options = self._options or {}
        return bound_methods(self._handle, self._method, args, kwargs, options=options)

    def __repr__(self) -> str:
        return f"<method {self._method.signature.name} of {self._handle!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored_method, (self._handle, self._method.name, self._options)


def restored(
    actor_id: bytes, pickled: bytes, handle_ref: ObjectRef[Any] | None
) -> ActorHandle[Any]:
    """The handle that another process pickled."""
    return ActorHandle(actor_id, known_class(pickled), handle_ref)


def check_session(handle: ActorHandle[Any]) -> None:
    """Raises `ActorHandleNotFoundError` if the handle is of an earlier session."""
    here = session.require()
    if handle.__aktis_session__ is None:
        handle.__aktis_session__ = here
    elif handle.__aktis_session__ is not here:
        message = f"{handle!r} is of an earlier session, and its actor ended with that"
        raise exceptions.ActorHandleNotFoundError(message)


def make_template(
    known: KnownClass, method: MethodInfo, overriding: dict[str, Any] | None = None
) -> Template:
    """What calls of a method have in common; the nearest place that sets an option counts."""
    info = known.info
    options = method.options | (overriding or {})
    retries = options.get("max_task_retries")
    if retries is None:
        retries = info.options.get("max_task_retries") or 0
    returns: Any = options.get("num_returns")
    if returns is None:
        returns = "streaming" if method.is_generator else 1
    return submit.make_template(
        function=info.function,
        name=options.get("name") or method.signature.name,
        callee="method",
        method=method.name,
        group=options.get("concurrency_group") or "",
        ordered=info.ordered,
        resources={},
        environment=info.environment,
        strategy=info.strategy,
        returns=returns,
        max_retries=retries,
        retry_exceptions=retried(options.get("retry_exceptions")),
        look_ahead=look_ahead(options),
    )


def _kept_template(known: KnownClass, method: MethodInfo) -> Template:
    here: Session = session.require()
    made = make_template(known, method)
    known.templates[method.name] = (here, made)
    return made


def _check_pending(known: KnownClass, actor_id: bytes) -> None:
    limit = known.pending_max
    pending = submit.pending_calls(actor_id)
    if pending >= limit:
        message = (
            f"{known.info.class_name} has {pending} unfinished calls from this process, and "
            f"max_pending_calls={limit}; wait for some of them"
        )
        raise exceptions.PendingCallsLimitExceeded(message)


def _restored_method(
    handle: ActorHandle[Any], name: str, options: dict[str, Any] | None
) -> ActorMethod[..., Any]:
    return ActorMethod(handle, handle.__aktis_known__.methods[name], options)
