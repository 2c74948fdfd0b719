"""Makes the error of a task an instance of the user's type too, and carries it between processes.

Owns the double types and what of an error is pickled. Does not own the tracebacks in it
(`aktis._kernel`) nor `TaskError` itself (`aktis.exceptions`).
"""

from __future__ import annotations

# What is unpickled comes from the cluster's own, authenticated processes.
import pickle
from typing import Any, cast

from aktis.exceptions import TaskError, UnserializableException

Pieces = tuple[bytes, str, str, int, str, str | None, bool]

# Kept for the life of the process, since `except` compares classes; a program has few types.
DUAL_CLASSES_MAX = 1_000
# Set in the flags of classes that Python code made.
_HEAP_TYPE = 1 << 9


def dual(error: TaskError) -> TaskError:
    """The error as an instance of its cause's type too, or itself if that type cannot be a base."""
    root = error.cause
    while isinstance(root, TaskError):
        root = root.cause
    if isinstance(error, type(root)):
        return error
    try:
        return _made_dual(error, root)
    except Exception:  # noqa: BLE001 - user code may raise anything
        return error


def pieces(error: TaskError) -> Pieces:
    """What is pickled of an error: its cause apart, so that a bad cause costs only itself."""
    return (
        _pickled_cause(error),
        error.function_name,
        error.traceback_str,
        error.pid,
        error.ip,
        error.actor_id,
        type(error) is not TaskError,
    )


def load(  # noqa: PLR0917 - called by pickle
    cause: bytes,
    function_name: str,
    traceback_str: str,
    pid: int,
    ip: str,
    actor_id: str | None,
    is_dual: bool,  # noqa: FBT001 - called by pickle
) -> TaskError:
    """The error of these pieces; a cause that cannot be unpickled is replaced by its text."""
    error = TaskError(
        _unpickled_cause(cause, traceback_str),
        function_name=function_name,
        traceback_str=traceback_str,
        pid=pid,
        ip=ip,
        actor_id=actor_id,
    )
    return dual(error) if is_dual else error


def unpickled(error: bytes, text: str) -> Exception:
    """What `get` raises for a pickled `TaskError`; `text` is all that is left if it is damaged."""
    try:
        found = pickle.loads(error)  # noqa: S301 - from the cluster's own processes
    except Exception as problem:  # noqa: BLE001 - user code may raise anything
        return TaskError(UnserializableException(str(problem)), traceback_str=text)
    return found.as_instanceof_cause() if isinstance(found, TaskError) else found


def _made_dual(error: TaskError, root: BaseException) -> TaskError:
    kind = _dual_class(type(root))
    foundation: Any = next(base for base in type(root).__mro__ if not base.__flags__ & _HEAP_TYPE)
    # The constructors of the user's classes have run already, where the error was raised.
    made = foundation.__new__(kind, *root.args)
    foundation.__init__(made, *root.args)
    for name, value in _slots_of(root).items():
        setattr(made, name, value)
    made.__dict__.update(root.__dict__)
    made.__dict__.update(error.__dict__)
    return cast("TaskError", made)


def _dual_class(kind: type[BaseException]) -> type[BaseException]:
    found = _dual_classes.get(kind)
    if found is None:
        name = f"TaskError({kind.__name__})"
        # Nothing but the words of a task's error comes before what the user's class says.
        body = {"__module__": TaskError.__module__, "__doc__": kind.__doc__, "__qualname__": name}
        found = type(name, (TaskError, kind), body)
        if len(_dual_classes) >= DUAL_CLASSES_MAX:
            del _dual_classes[next(iter(_dual_classes))]
        _dual_classes[kind] = found
    return found


_dual_classes: dict[type[BaseException], type[BaseException]] = {}


def _slots_of(error: BaseException) -> dict[str, Any]:
    """The values in the slots that the classes of the error declare."""
    names: list[str] = []
    for kind in type(error).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.extend([slots] if isinstance(slots, str) else slots)
    kept = [name for name in names if name not in {"__dict__", "__weakref__"}]
    return {name: getattr(error, name) for name in kept if hasattr(error, name)}


def _pickled_cause(error: TaskError) -> bytes:
    import cloudpickle

    try:
        return cast("bytes", cloudpickle.dumps(error.cause))
    except Exception:  # noqa: BLE001 - user code may raise anything
        return cast("bytes", cloudpickle.dumps(UnserializableException(error.traceback_str)))


def _unpickled_cause(cause: bytes, text: str) -> BaseException:
    try:
        found = pickle.loads(cause)  # noqa: S301 - from the cluster's own processes
    except Exception:  # noqa: BLE001 - user code may raise anything
        return UnserializableException(text)
    return found if isinstance(found, BaseException) else UnserializableException(text)
