"""Spans of OpenTelemetry around calls: one where a call is made, and below it one where it runs.

Owns how a trace goes from process to process: the context of the span in which a call is made comes
along among its keyword arguments. Does not own who exports the spans: the job's hook, which each
process calls before its first span. Nothing here is imported unless a job asks for it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from aktis import _core
from aktis.ids import ActorID, JobID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aktis._kernel.session import Session

# No argument of a user's function has this name.
CARRIER = "_aktis_trace_context"
LIBRARY = "opentelemetry"


def begin(here: Session, hook: str) -> None:
    """Calls the hook of the job, and traces all calls of this process from now on.

    Args:
        here: The session of this process.
        hook: Sets up the export of spans; "module:function".

    Raises:
        ValueError: the hook is not named so.
        ImportError: OpenTelemetry, or the module of the hook, is not installed.
        AttributeError: the module has no such function.
    """
    module, _, function = hook.partition(":")
    if not module or not function:
        message = f"_tracing_startup_hook must be 'module:function', not {hook!r}"
        raise ValueError(message)
    if importlib.util.find_spec(LIBRARY) is None:
        message = "tracing needs opentelemetry-sdk: pip install 'aktis[tracing]'"
        raise ImportError(message)
    getattr(importlib.import_module(module), function)()
    here.tracer = Tracer(here)
    here.engine = cast("_core.Engine", _TracedEngine(here.engine, here.tracer))


class Tracer:
    """Makes the spans of this process."""

    def __init__(self, here: Session) -> None:
        from opentelemetry import propagate, trace

        self._trace = trace
        self._propagate = propagate
        self._tracer = trace.get_tracer("aktis")
        self._process: dict[str, str | int] = {
            "aktis.pid": os.getpid(),
            "aktis.worker_id": here.worker_id.hex(),
            "aktis.node_id": here.node_id.hex(),
        }

    @contextmanager
    def calling(self, name: str) -> Iterator[dict[str, str]]:
        """A span in which a call is made: what is to come along with the call."""
        kind = self._trace.SpanKind.PRODUCER
        attributes: dict[str, str | int] = {**self._process, "aktis.function": name}
        with self._tracer.start_as_current_span(
            f"{name} aktis.remote", kind=kind, attributes=attributes
        ):
            carrier: dict[str, str] = {}
            self._propagate.inject(carrier)
            yield carrier

    @contextmanager
    def running(self, kwargs: dict[str, Any]) -> Iterator[None]:
        """A span in which a call runs; takes out of its arguments what came along."""
        parent = self._propagate.extract(kwargs.pop(CARRIER, {}))
        execution = _core.execution_here()
        assert execution is not None, "what was called runs in an execution"
        name = execution.name
        attributes: dict[str, str | int] = {
            **self._process,
            "aktis.function": name,
            "aktis.task_id": execution.task_id.hex(),
            "aktis.job_id": execution.job,
        }
        kind = self._trace.SpanKind.CONSUMER
        with self._tracer.start_as_current_span(
            f"{name} aktis.remote_worker", context=parent, kind=kind, attributes=attributes
        ):
            yield

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, each of whose calls has a span as long as it runs or yields."""
        made = inspect.unwrap(function)
        if inspect.isasyncgenfunction(made):
            return self._traced_async_generator(function)
        if inspect.isgeneratorfunction(made):
            return self._traced_generator(function)
        if inspect.iscoroutinefunction(made):
            return self._traced_coroutine(function)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.running(kwargs):
                return function(*args, **kwargs)

        return run

    def traced_instance(self, instance: object) -> object:
        """The instance of an actor, whose methods are traced when they are looked up."""
        return _TracedInstance(instance, self)

    def _traced_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            with self.running(kwargs):
                return await function(*args, **kwargs)

        return run

    def _traced_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with self.running(kwargs):
                yield from function(*args, **kwargs)

        return run

    def _traced_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with self.running(kwargs):
                async for item in function(*args, **kwargs):
                    yield item

        return run


class _TracedInstance:
    """Looks methods up for the engine, which calls nothing else."""

    def __init__(self, instance: object, tracer: Tracer) -> None:
        found: dict[str, Callable[..., Any]] = {}
        object.__setattr__(self, "_of", (instance, tracer, found))

    def __getattribute__(self, name: str) -> Callable[..., Any]:
        instance, tracer, found = object.__getattribute__(self, "_of")
        if name not in found:
            found[name] = tracer.traced(getattr(instance, name))
        method: Callable[..., Any] = found[name]
        return method


class _TracedEngine:
    """The engine, each of whose calls has a span."""

    def __init__(self, engine: _core.Engine, tracer: Tracer) -> None:
        self._engine = engine
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(
        self, template: _core.Template, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function."""
        with self._tracer.calling(template.name) as carrier:
            return self._engine.submit(template, args, {**kwargs, CARRIER: carrier})

    def call(
        self,
        actor_id: bytes,
        template: _core.Template,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Calls a method; an actor of another job might know nothing of traces."""
        if ActorID(actor_id).job_id() != JobID.from_int(self._engine.job):
            return self._engine.call(actor_id, template, args, kwargs)
        with self._tracer.calling(template.name) as carrier:
            return self._engine.call(actor_id, template, args, {**kwargs, CARRIER: carrier})

    def create_actor(
        self,
        template: _core.Template,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: dict[str, Any],
    ) -> Any:
        """Makes an actor."""
        with self._tracer.calling(template.name) as carrier:
            return self._engine.create_actor(template, args, {**kwargs, CARRIER: carrier}, options)
