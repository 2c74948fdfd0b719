"""Methods of actor classes: what a handle knows about each, and the decorator `@aktis.method`.

Owns the description of a class that travels inside handles. Does not own calls
(`aktis.actor_handles`), nor what a method does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast, overload

from aktis import options as option_table
from aktis.signatures import (
    ANYTHING,
    NOTHING,
    Signature,
    is_async,
    is_generator,
    signature_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aktis._kernel.session import Session
    from aktis._kernel.submit import Template
    from aktis._typing import DecoratedMethod

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

# Classes of handles that this process met; beyond it, the oldest is unpickled again when met again.
INFOS_MAX = 1_000
OPTIONS_ATTRIBUTE = "__aktis_method_options__"
SYSTEM_GROUP = "_ray_system"


class MethodInfo(NamedTuple):
    """One method as its callers see it."""

    name: str
    signature: Signature
    options: dict[str, Any]
    is_generator: bool


class ClassInfo(NamedTuple):
    """What a handle knows of its actor besides its id."""

    class_name: str
    function: bytes
    methods: dict[str, MethodInfo]
    options: dict[str, Any]
    environment: str
    strategy: tuple[Any, ...]
    ordered: bool


class KnownClass:
    """The description of an actor's class, shared by all handles of the class in this process."""

    __slots__ = ("info", "methods", "pending_max", "pickled", "templates")

    def __init__(self, info: ClassInfo, pickled: bytes) -> None:
        self.info = info
        self.methods = info.methods
        self.pending_max = int(info.options.get("max_pending_calls") or -1)
        self.pickled = pickled
        # Made at the first call of each method in a session.
        self.templates: dict[str, tuple[Session, Template]] = {}


@overload
def method(function: Callable[Concatenate[T, P], R], /) -> DecoratedMethod[T, P, R]: ...
@overload
def method(
    **options: Any,
) -> Callable[[Callable[Concatenate[T, P], R]], DecoratedMethod[T, P, R]]: ...
def method(*functions: Callable[..., Any], **options: Any) -> Any:
    """Gives a method of an actor class options of its own; the method itself stays as it is.

    Bare (`@aktis.method`) it changes nothing while the program runs, and lets type checkers see
    through the method's `.remote`.

    Raises:
        ValueError: an option is not known, or its value makes no sense.
    """
    if len(functions) == 1 and not options and callable(functions[0]):
        return functions[0]
    if functions or not options:
        message = "write @aktis.method, or @aktis.method(...) with options given by name only"
        raise TypeError(message)
    checked = option_table.checked("method", options)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(function, OPTIONS_ATTRIBUTE, checked)
        return function

    return decorate


@lru_cache(maxsize=INFOS_MAX)
def known_class(pickled: bytes) -> KnownClass:
    """The description that another process pickled."""
    import pickle

    return KnownClass(cast("ClassInfo", pickle.loads(pickled)), pickled)  # noqa: S301 - from the cluster's own processes


def methods_of(kind: type) -> dict[str, MethodInfo]:
    """All methods that callers of an actor of this class may call."""
    found = {name: _described(kind, name, function) for name, function in _functions_of(kind)}
    for name, signature in _INJECTED.items():
        for prefix in ("ray", "aktis"):
            full = f"__{prefix}_{name}__"
            found[full] = MethodInfo(full, signature, {}, is_generator=False)
    return found


def has_async_methods(kind: type) -> bool:
    """Whether any method needs an event loop, so that all run on one."""
    return any(is_async(function) for _, function in _functions_of(kind))


def check_groups(kind: type, groups: dict[str, int]) -> None:
    """Raises `ValueError` if a method names a concurrency group that the class does not declare."""
    for name, function in _functions_of(kind):
        group = getattr(function, OPTIONS_ATTRIBUTE, {}).get("concurrency_group")
        check_group(group, groups, f"{kind.__name__}.{name}")


def check_group(group: str | None, groups: Any, name: str) -> None:
    """Raises `ValueError` unless the group is declared; none is the default group."""
    if group is not None and group != SYSTEM_GROUP and group not in groups:
        message = (
            f"{name} names the concurrency group {group!r}, which its class does not declare; it "
            f"declares {sorted(groups) or 'none'}, in @aktis.remote(concurrency_groups=...)"
        )
        raise ValueError(message)


# What every actor can do besides its own methods.
_INJECTED = {
    "ready": Signature("__aktis_ready__", NOTHING),
    "call": Signature(
        "__aktis_call__", ANYTHING._replace(positional=("function",), required_count=1)
    ),
    "terminate": Signature("__aktis_terminate__", NOTHING),
}


def _functions_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Names and functions of the class and its bases; what a class overrides appears once."""
    seen: set[str] = set()
    for base in kind.__mro__[:-1]:
        for name, value in vars(base).items():
            if name in seen:
                continue
            seen.add(name)
            function = getattr(value, "__func__", value)
            if callable(function) and not isinstance(function, type):
                yield name, value


def _described(kind: type, name: str, value: Any) -> MethodInfo:
    function = getattr(value, "__func__", value)
    signature = signature_of(
        function,
        name=f"{kind.__name__}.{name}",
        skip_first=not isinstance(value, staticmethod),
    )
    options = getattr(function, OPTIONS_ATTRIBUTE, {})
    return MethodInfo(name, signature, options, is_generator(function))
