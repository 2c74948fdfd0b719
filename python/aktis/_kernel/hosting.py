"""The life of an actor in its process: made once, then its methods run by thread, threads or loop.

Owns the constructor and the choice of how methods run. Does not own the event loop (`loops`), nor
limits and order (Rust).
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from aktis._kernel import context, execute, session, title

if TYPE_CHECKING:
    from aktis import _core


def host(engine: _core.Engine, constructor: _core.Execution) -> None:
    """Makes an actor and runs its methods until the process ends."""
    spec = constructor.actor()
    concurrency = spec["concurrency"]
    asynchronous = concurrency["asynchronous"]
    limits = {"": concurrency["calls_max"], **dict(concurrency["groups"])}
    if asynchronous:
        from aktis._kernel import loops

        loops.serve(
            engine,
            constructor,
            lambda: _make(engine, constructor, spec),
            calls_max=sum(limits.values()),
        )
    elif not constructor.run_as(lambda: _make(engine, constructor, spec)) or limits == {"": 1}:
        engine.work()
    else:
        _serve_with_threads(engine, limits)


def _make(engine: _core.Engine, constructor: _core.Execution, spec: dict[str, Any]) -> bool:
    """Runs the constructor; whether the actor lives."""
    try:
        execute.prepare(constructor)
        kind: Any = constructor.callee()
        args, kwargs = constructor.arguments()
        tracer = session.require().tracer
        with nullcontext() if tracer is None else tracer.running(kwargs):
            instance = kind.__new__(kind, *args, **kwargs)
            called = instance if tracer is None else tracer.traced_instance(instance)
            engine.set_instance(called)
            _note(constructor, instance, spec)
            instance.__init__(*args, **kwargs)
        engine.set_title(_title(instance))
        constructor.finish(None)
    except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
        execute.report_error(constructor, error)
        return False
    return True


def _note(constructor: _core.Execution, instance: object, spec: dict[str, Any]) -> None:
    full = spec["name"] or {"name": "", "namespace": ""}
    actor = context.HostedActor(
        actor_id=bytes(spec["id"]),
        instance=instance,
        class_name=type(instance).__name__,
        name=full["name"],
        namespace=full["namespace"],
        handle=spec["handle"],
        asynchronous=spec["concurrency"]["asynchronous"],
    )
    context.host(actor, constructor)
    title.set_title(f"aktis: {actor.class_name}")


def _title(instance: object) -> str:
    """What precedes the actor's lines in the driver's terminal."""
    kind = type(instance)
    return kind.__name__ if kind.__repr__ is object.__repr__ else repr(instance)


def _serve_with_threads(engine: _core.Engine, limits: dict[str, int]) -> None:
    """Runs methods on threads, as many for each group as may run at once.

    No signal reaches them: what runs in a thread is not broken off.
    """
    threads = [
        threading.Thread(target=engine.work, args=(group,), name=group or "actor", daemon=True)
        for group, limit in limits.items()
        for _ in range(limit)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
