"""The main function of a worker process.

Owns its start and what a signal means to it. Does not own the fork that made it
(`aktis.cluster.fork_server`), nor the tasks that it runs (Rust, `aktis._kernel.hosting`).

What every task needs is imported here, and by `prepare` what some do, so that processes forked
after that need not.
"""

from __future__ import annotations

import importlib
import signal

from aktis import _core
from aktis._kernel import (
    awaiting,  # noqa: F401
    debugging,
    execute,
    functions,  # noqa: F401
    serialize,  # noqa: F401
    session,
    worker_output,
)

# For async actors, for what is pickled by value, and for tasks that submit others.
PREPARED = (
    "aktis._kernel.hosting",
    "aktis._kernel.carrying",
    "aktis.connection",
    "aktis.decorator",
    "aktis.actors",
)


def prepare() -> None:
    """Imports what a worker may need later than at once."""
    for module in PREPARED:
        importlib.import_module(module)


def main(control_fd: int, worker: int, environment: str) -> int:  # noqa: ARG001 - the node knows it
    """Runs tasks, or an actor, until the engine ends the process or closes."""
    engine = _core.Engine.start_worker(control_fd, worker)
    session.join(engine)
    signal.signal(signal.SIGINT, lambda _number, _frame: _interrupt(engine))
    worker_output.put_into_use(engine)
    debugging.put_into_use()
    constructor = engine.work()
    if constructor is not None:
        # Actors' processes are forked when this has been prepared, and others never need it.
        from aktis._kernel import hosting

        hosting.host(engine, constructor)
    return 0


def _interrupt(engine: _core.Engine) -> None:
    """Raises in the main thread if what runs there is to end."""
    told = set(engine.take_interrupted())
    here = _core.execution_here()
    if len(told) > (here is not None and here.task_id in told):
        from aktis._kernel import aside

        for task_id in told:
            aside.interrupt(task_id)
    if here is None or here.task_id not in told:
        return
    # A method of an actor is only told that it was cancelled, since it holds the actor's state.
    if not here.method or here.interruption == "timed_out":
        raise execute.Interrupted
