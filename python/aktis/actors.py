"""Actor classes: what `@aktis.remote` makes of a class, how actors are made, found and ended.

Owns creation. Does not own calls (`aktis.actor_handles`), options (`aktis.options`), nor the life
of an actor (the engine).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar

from aktis import job_config, methods, options as option_table, placing
from aktis._kernel import functions, queries, session, submit
from aktis.actor_handles import ActorHandle, check_session
from aktis.methods import ClassInfo, KnownClass, known_class
from aktis.signatures import NOTHING, Signature, signature_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis._kernel.session import Session
    from aktis._kernel.submit import Template
    from aktis.dag.class_node import ClassNode

T = TypeVar("T")

ASYNC_CALLS_MAX = 1_000
_INIT = "__init__"
_NEW = "__new__"
DETACHED = "detached"


class ActorClassInheritanceException(TypeError):  # noqa: N818 - a public name of Ray
    """A class inherits from an actor class; let both inherit from a plain class."""


class ClassMetadata(NamedTuple):
    """What programs look up in `Cls.__ray_metadata__`."""

    class_name: str
    modified_class: type
    method_meta: dict[str, methods.MethodInfo]


class Prepared(NamedTuple):
    """What all actors made with the same options in one session have in common."""

    session: Session
    caller: placing.Caller
    template: Template
    known: KnownClass
    placement: dict[str, float]


class ActorClass(Generic[T]):
    """A class whose instances live in processes of their own: `Cls.remote(...)` makes one."""

    def __init__(self, kind: type[T], options: Mapping[str, Any]) -> None:
        """Checks what does not depend on a session; the class is pickled with its first actor."""
        self._kind = kind
        self._published = functions.Published(kind)
        self._options = dict(options)
        self._is_async = methods.has_async_methods(kind)
        methods.check_groups(kind, self._options.get("concurrency_groups") or {})
        self._constructor = _constructor_of(kind)
        self._prepared: Prepared | None = None
        for name in ("__doc__", "__module__", "__name__", "__qualname__"):
            setattr(self, name, getattr(kind, name))

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises: an actor class has no instances here."""
        name = self._kind.__name__
        message = f"write {name}.remote(...) instead of {name}(...): it is an actor class"
        raise TypeError(message)

    def __mro_entries__(self, bases: tuple[object, ...]) -> NoReturn:
        message = (
            f"a class cannot inherit from the actor class {self._kind.__name__}; let both inherit "
            f"from a plain class, and decorate that separately"
        )
        raise ActorClassInheritanceException(message)

    @property
    def __ray_metadata__(self) -> ClassMetadata:
        return ClassMetadata(self._kind.__name__, self._kind, methods.methods_of(self._kind))

    __aktis_metadata__ = __ray_metadata__

    def remote(self, /, *args: Any, **kwargs: Any) -> ActorHandle[T]:
        """Asks for an actor and returns a handle at once; calls wait until it is there.

        What its constructor raises is raised by every call.

        Raises:
            TypeError: the constructor cannot be called so, or an argument cannot be pickled.
            ActorAlreadyExistsError: another actor of the namespace has the name.
        """
        self._constructor.check(args, kwargs)
        options = self._options
        option_table.check_actor(options, is_async=self._is_async)
        here = session.require()
        made_by = placing.caller(here)
        prepared = self._prepared
        if prepared is None or prepared.session is not here or prepared.caller != made_by:
            prepared = self._prepared = self._prepare(here, made_by)
        created = submit.create_actor(
            prepared.template,
            args,
            kwargs,
            class_info=prepared.known.pickled,
            name=options.get("name"),
            namespace=options.get("namespace") or here.namespace,
            get_if_exists=bool(options.get("get_if_exists")),
            detached=_is_detached(options),
            max_restarts=options.get("max_restarts") or 0,
            placement=prepared.placement,
            asynchronous=self._is_async,
            calls_max=self._calls_max(),
            groups=list((options.get("concurrency_groups") or {}).items()),
            ordered=prepared.known.info.ordered,
        )
        known = known_class(created.class_info) if created.found else prepared.known
        return ActorHandle(created.actor_id, known, created.handle_ref)

    def options(self, **options: Any) -> ActorClass[T]:
        """Returns the same class with some options changed.

        Raises:
            ValueError: an option is not known, or its value makes no sense.
        """
        changed = self._options | option_table.checked("actor call", options)
        variant = ActorClass(self._kind, changed)
        variant._published = self._published
        return variant

    def bind(self, /, *args: Any, **kwargs: Any) -> ClassNode:
        """Returns a node of a graph: each execution of the graph makes an actor of its own.

        Raises:
            TypeError: the constructor cannot be called so.
        """
        from aktis.dag.class_node import ClassNode

        self._constructor.check(args, kwargs)
        known = methods.methods_of(self._kind)
        return ClassNode(self, known, args, kwargs, options=self._options)

    def __repr__(self) -> str:
        return f"<actor class {self._kind.__qualname__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return ActorClass, (self._kind, self._options)

    def _prepare(self, here: Session, made_by: placing.Caller) -> Prepared:
        options = self._options
        held = placing.amounts(options, cpus=1 if placing.names_resources(options) else 0)
        placement = held if held.get("CPU") or options.get("num_cpus") == 0 else held | {"CPU": 1.0}
        environment = placing.environment(options)
        strategy = placing.strategy(options, placement)
        function = self._published.id(here)
        template = submit.make_template(
            function=function,
            name=f"{self._kind.__name__}.__init__",
            callee="constructor",
            resources=held,
            environment=environment,
            strategy=strategy,
            max_retries=0,
        )
        info = ClassInfo(
            class_name=self._kind.__name__,
            function=function,
            methods=methods.methods_of(self._kind),
            options={name: options[name] for name in _FOR_CALLERS if options.get(name)},
            environment=environment,
            strategy=strategy,
            ordered=self._is_ordered(),
        )
        return Prepared(here, made_by, template, KnownClass(info, _pickled(info)), placement)

    def _calls_max(self) -> int:
        return self._options.get("max_concurrency") or (ASYNC_CALLS_MAX if self._is_async else 1)

    def _is_ordered(self) -> bool:
        asked = self._options.get("allow_out_of_order_execution")
        if asked is None:
            return not self._is_async and self._calls_max() == 1
        return not asked


# Options that matter to whoever calls the actor, and travel in its handles.
_FOR_CALLERS = ("concurrency_groups", "max_pending_calls", "max_task_retries")


def get_actor(name: str, namespace: str | None = None) -> ActorHandle[Any]:
    """Finds a living actor by its name; the handle does not keep the actor alive.

    Raises:
        ValueError: no living actor of the namespace has the name.
    """
    if not name:
        message = "the name of an actor is a string that is not empty"
        raise ValueError(message)
    here = session.require()
    place = here.namespace if namespace is None else namespace
    found = queries.actor_named(name, place)
    if found is None:
        message = (
            f"no living actor is named {name!r} in the namespace {place!r}; "
            f"aktis.util.list_named_actors(all_namespaces=True) lists those that are"
        )
        raise ValueError(message)
    actor_id, class_info = found
    return ActorHandle(actor_id, known_class(class_info), None)


def list_named_actors(all_namespaces: bool = False) -> list[Any]:  # noqa: FBT001, FBT002 - Ray's signature
    """Names of living actors: of this namespace, or, as dicts with their namespaces, of all."""
    here = session.require()
    found = queries.actor_names(None if all_namespaces else here.namespace)
    if not all_namespaces:
        return [name for name, _ in found]
    return [{"name": name, "namespace": namespace} for name, namespace in found]


def kill(actor: ActorHandle[Any], *, no_restart: bool = True) -> None:
    """Ends the actor's process at once; no exit handler runs, and unfinished calls fail.

    Args:
        actor: A handle of the actor.
        no_restart: Whether it stays dead; if not, this uses up one of its restarts.

    Raises:
        ValueError: `actor` is no handle of an actor.
    """
    if not isinstance(actor, ActorHandle):
        message = f"kill() takes a handle of an actor, not {actor!r}; cancel() ends tasks"
        raise ValueError(message)  # noqa: TRY004 - programs written for Ray catch ValueError
    check_session(actor)
    submit.kill_actor(actor.__aktis_key__, no_restart=no_restart)


def exit_actor() -> NoReturn:
    """Ends the actor in which it is called, once the calls that run have ended.

    Exit handlers run, the actor is not made again, and calls that wait fail with `ActorDiedError`.

    Raises:
        TypeError: no actor runs here.
    """
    from aktis._kernel import execute

    execute.exit_actor()


def _constructor_of(kind: type) -> Signature:
    for name in (_INIT, _NEW):
        constructor = getattr(kind, name)
        if constructor is not getattr(object, name):
            return signature_of(constructor, name=f"{kind.__name__}.{name}", skip_first=True)
    return Signature(f"{kind.__name__}.{_INIT}", NOTHING)


def _is_detached(options: Mapping[str, Any]) -> bool:
    lifetime = options.get("lifetime") or job_config.default_actor_lifetime()
    return bool(lifetime == DETACHED)


def _pickled(info: ClassInfo) -> bytes:
    import cloudpickle

    pickled: bytes = cloudpickle.dumps(info)
    return pickled
