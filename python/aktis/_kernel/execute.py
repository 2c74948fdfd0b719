"""Runs what takes more than one call: streams, special methods, and the errors of all.

Owns what follows when user code yields, raises or leaves. Does not own the plain way from a call to
its result (Rust), nor which thread or loop runs it (`aktis._kernel.hosting`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, cast

from aktis import settings
from aktis._kernel import context, debugging, devices, job_setup, session, tracebacks
from aktis._kernel.streams import DynamicObjectRefGenerator
from aktis.exceptions import UserCodeException

if TYPE_CHECKING:
    from aktis import _core

# How long a generator waits for its consumer before it looks whether it is still wanted.
PATIENCE_S = 1.0


class ActorExit(BaseException):
    """The actor in this process leaves by itself."""


class Interrupted(KeyboardInterrupt):
    """The task that runs here is to end: it was cancelled, or is out of time."""


def exit_actor() -> NoReturn:
    """Ends the actor after the calls that run; its exit handlers run, and it is not made again.

    Raises:
        TypeError: no actor runs here.
    """
    here = context.current()
    if here is None or here.actor_id is None:
        message = "exit_actor() is for methods of actors"
        raise TypeError(message)
    raise ActorExit


def run(execution: _core.Execution) -> None:
    """Runs an execution that is more than one call. Raises what the user's code does."""
    function = callee(execution)
    if execution.returns == "stream":
        stream(execution, function)
        return
    args, kwargs = execution.arguments()
    value = function(*args, **kwargs)
    if execution.returns == "dynamic":
        engine = session.require().engine
        value = DynamicObjectRefGenerator([engine.put(item) for item in _items(execution, value)])
    finish(execution, value)


def finish(execution: _core.Execution, value: object) -> None:
    """Ends an execution with what its code returned.

    Raises:
        TypeError: that has no parts, but there are several returns.
        ValueError: it has not as many parts as there are returns.
    """
    execution.finish(_parts(execution, value) if execution.returns == "parts" else value)


def callee(execution: _core.Execution) -> Callable[..., Any]:
    """What an execution calls."""
    special = SPECIAL_METHODS.get(execution.method)
    if special is None:
        return cast("Callable[..., Any]", execution.callee())
    tracer = session.require().tracer
    return special if tracer is None else tracer.traced(special)


def stream(execution: _core.Execution, function: Callable[..., Any]) -> None:
    """Runs a generator, and sends each item as soon as it is there."""
    yielded = 0
    try:
        args, kwargs = execution.arguments()
        for item in _items(execution, function(*args, **kwargs)):
            execution.yield_item(yielded, item)
            yielded += 1
            wait_for_consumer(execution, yielded)
    except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
        report_error(execution, error)
    else:
        execution.finish_stream(yielded)


def wait_for_consumer(execution: _core.Execution, yielded: int) -> None:
    """Waits while as many items as may be are not taken.

    Raises:
        Interrupted: nobody wants a further item.
    """
    if execution.interruption:
        raise Interrupted
    while not execution.wait_consumed(yielded, PATIENCE_S):
        if execution.interruption:
            raise Interrupted


def report_error(execution: _core.Execution, error: BaseException) -> None:
    """Ends an execution whose code raised."""
    if isinstance(error, SystemExit) and execution.actor_id is None:
        end_process(error)
    if isinstance(error, ActorExit | SystemExit) and execution.actor_id is not None:
        run_exit_handlers()
        execution.fail_leaving()
        return
    if isinstance(error, Exception) and settings.read(settings.DEBUG_POST_MORTEM):
        debugging.look_at(error)
    pickled, text = tracebacks.described(execution, error)
    execution.fail(pickled, text, retriable=_is_retriable(execution, error))


def prepare(execution: _core.Execution) -> None:
    """Makes the process ready for a task of another job, or with other resources."""
    here = session.require()
    job = execution.job
    if _prepared_jobs[-1:] != [job]:
        job_setup.take_up(here, job)
        _prepared_jobs[:] = [job]
    devices.show(*context.held(execution))


def run_exit_handlers() -> None:
    """Runs what the user registered with `atexit`, and writes what was printed."""
    atexit._run_exitfuncs()  # noqa: SLF001 - the engine ends the process before Python would
    flush_output()


def flush_output() -> None:
    """Writes what was printed, as far as its reader is there."""
    for output in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            output.flush()


def end_process(error: SystemExit) -> NoReturn:
    """Ends this process as `sys.exit` in user code asked for."""
    if error.code is None or isinstance(error.code, int):
        code = error.code or 0
    else:
        sys.stderr.write(f"{error.code}\n")
        code = 1
    flush_output()
    os._exit(code)


def _parts(execution: _core.Execution, value: Any) -> list[Any]:
    count = execution.template()["returns"]["Count"]
    if not hasattr(value, "__iter__") and not hasattr(value, "__getitem__"):
        message = f"{execution.name} has num_returns={count}, but what it returned has no parts"
        raise TypeError(message)
    parts = list(value)
    if len(parts) != count:
        message = f"{execution.name} has num_returns={count}, but returned {len(parts)} values"
        raise ValueError(message)
    return parts


def _items(execution: _core.Execution, made: object) -> Iterator[Any]:
    if not isinstance(made, Iterator):
        message = f"{execution.name} has num_returns in words, so it must be a generator"
        raise ValueError(message)  # noqa: TRY004 - what Ray raises for it
    return made


def _is_retriable(execution: _core.Execution, error: BaseException) -> bool:
    wanted = execution.template()["retries"]["exceptions"]
    if isinstance(wanted, str):
        return wanted == "Always" and isinstance(error, Exception)
    if isinstance(error, UserCodeException) and error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, pickle.loads(wanted["Listed"]))


def _is_ready() -> bool:
    return True


def _call_with_instance(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(context.actor_instance(), *args, **kwargs)


def _leave() -> None:
    run_exit_handlers()
    session.require().engine.leave()


SPECIAL_METHODS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("__ray_ready__", "__aktis_ready__"), _is_ready),
    **dict.fromkeys(("__ray_call__", "__aktis_call__"), _call_with_instance),
    **dict.fromkeys(("__ray_terminate__", "__aktis_terminate__"), _leave),
}

# The job this process was last made ready for; at most one.
_prepared_jobs: list[int] = []
