"""Makes one error an instance of another's type too, and pickles errors that may resist it.

Owns the double types. Does not own the errors (`aktis.exceptions`), nor their tracebacks
(`aktis._kernel`).
"""

from __future__ import annotations

# What is unpickled comes from the cluster's own, authenticated processes.
import pickle
from typing import Any, TypeVar, cast

E = TypeVar("E", bound=BaseException)

# Kept for the life of the process, since `except` compares classes; a program has few types.
DUAL_CLASSES_MAX = 1_000
# Set in the flags of classes that Python code made.
_HEAP_TYPE = 1 << 9


def dual(error: E, cause: BaseException) -> E:
    """The error as an instance of its cause's type too, or itself if that type cannot be a base.

    It has the words of `error`, the constructor's arguments of `cause`, and the fields of both.
    """
    if isinstance(error, type(cause)):
        return error
    try:
        return _made_dual(error, cause)
    except Exception:  # noqa: BLE001 - user code may raise anything
        return error


def dumped(error: BaseException) -> bytes | None:
    """The pickle of an error, or None if there can be none."""
    import cloudpickle

    try:
        return cast("bytes", cloudpickle.dumps(error))
    except Exception:  # noqa: BLE001 - user code may raise anything
        return None


def loaded(pickled: bytes) -> BaseException | None:
    """The error of a pickle, or None if it cannot be made here."""
    try:
        found = pickle.loads(pickled)  # noqa: S301 - from the cluster's own processes
    except Exception:  # noqa: BLE001 - user code may raise anything
        return None
    return found if isinstance(found, BaseException) else None


def _made_dual(error: E, cause: BaseException) -> E:
    kind = _dual_class(type(error), type(cause))
    foundation: Any = next(base for base in type(cause).__mro__ if not base.__flags__ & _HEAP_TYPE)
    # The constructors of the user's classes have run already, where the error was raised.
    _, arguments, *state = foundation.__reduce__(cause)
    made = _maker(kind).__new__(kind, *arguments)
    foundation.__init__(made, *arguments)
    for fields in (_slots_of(cause), *state):
        foundation.__setstate__(made, fields)
    made.__dict__.update(error.__dict__)
    return cast("E", made)


def _dual_class(kind: type[BaseException], other: type[BaseException]) -> type[BaseException]:
    found = _dual_classes.get((kind, other))
    if found is None:
        name = f"{kind.__name__}({other.__name__})"
        body = {"__module__": kind.__module__, "__doc__": other.__doc__, "__qualname__": name}
        found = type(name, (kind, other), body)
        if len(_dual_classes) >= DUAL_CLASSES_MAX:
            del _dual_classes[next(iter(_dual_classes))]
        _dual_classes[kind, other] = found
    return found


_dual_classes: dict[tuple[type[BaseException], type[BaseException]], type[BaseException]] = {}


def _maker(kind: type) -> Any:
    """The class of C whose `__new__` Python allows for instances of this one."""
    while kind.__flags__ & _HEAP_TYPE:
        assert kind.__base__ is not None, "only `object` has no base, and that is of C"
        kind = kind.__base__
    return kind


def _slots_of(error: BaseException) -> dict[str, Any]:
    """The values in the slots that the classes of the error declare."""
    names: list[str] = []
    for kind in type(error).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.extend([slots] if isinstance(slots, str) else slots)
    kept = [name for name in names if name not in {"__dict__", "__weakref__"}]
    return {name: getattr(error, name) for name in kept if hasattr(error, name)}
