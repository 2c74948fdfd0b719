"""Runs the methods of an async actor on one event loop.

Owns the loop and its tasks. Does not own how many run at once (Rust).
"""

from __future__ import annotations

import asyncio
import inspect
import os
from typing import TYPE_CHECKING, Any

from aktis._kernel import context, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aktis import _core

BATCH_MAX = 1000
# Something to read from a bell that was rung.
BELL_BYTES = 8


def serve(engine: _core.Engine, groups: Mapping[str, int]) -> None:
    """Runs methods until the process ends. A burst of calls wakes the loop once."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        server = _Server(engine, loop)
        for group in groups:
            loop.add_reader(engine.ready_fd(group), server.begin_calls, group)
        loop.add_reader(engine.interrupts_fd(), server.interrupt)
        loop.run_forever()


class _Server:
    """The calls under way."""

    def __init__(self, engine: _core.Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._tasks: dict[bytes, asyncio.Task[None]] = {}

    def begin_calls(self, group: str) -> None:
        """Begins what may begin."""
        os.read(self._engine.ready_fd(group), BELL_BYTES)
        for execution in self._engine.take_tasks(group, BATCH_MAX):
            execution.begin()
            task_id = execution.task_id
            self._tasks[task_id] = self._loop.create_task(self._run(execution, task_id))

    def interrupt(self) -> None:
        """Cancels what is to end."""
        os.read(self._engine.interrupts_fd(), BELL_BYTES)
        for execution in self._engine.take_interrupts():
            task = self._tasks.get(execution.task_id)
            if task is not None:
                task.cancel()

    async def _run(self, execution: _core.Execution, task_id: bytes) -> None:
        context.execution_of_coroutine.set(execution)
        try:
            await _call(execution)
        except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
            execute.report_error(execution, error)
        finally:
            del self._tasks[task_id]


async def _call(execution: _core.Execution) -> None:
    function = execute.callee(execution)
    if execution.returns == "stream":
        await _stream(execution, function)
        return
    args, kwargs = execution.arguments()
    value = function(*args, **kwargs)
    if inspect.isawaitable(value):
        value = await value
    execution.finish(value)


async def _stream(execution: _core.Execution, function: Callable[..., Any]) -> None:
    if not inspect.isasyncgenfunction(inspect.unwrap(function)):
        await asyncio.to_thread(_stream_in_thread, execution, function)
        return
    yielded = 0
    try:
        args, kwargs = execution.arguments()
        async for item in function(*args, **kwargs):
            execution.yield_item(yielded, item)
            yielded += 1
            if execution.look_ahead is not None and yielded >= execution.look_ahead:
                await asyncio.to_thread(execute.wait_for_consumer, execution, yielded)
    except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
        execute.report_error(execution, error, yielded=yielded)
    else:
        execution.finish_stream(yielded)


def _stream_in_thread(execution: _core.Execution, function: Callable[..., Any]) -> None:
    execution.run_as(lambda: execute.stream(execution, function))
