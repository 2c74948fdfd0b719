"""Runs the methods of an async actor on one event loop.

Owns the loop and its tasks. Does not own how many run at once (Rust).
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import selectors
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis._kernel import awaiting, context, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def serve(
    engine: _core.Engine,
    constructor: _core.Execution,
    make: Callable[[], object],
    *,
    calls_max: int,
) -> None:
    """Makes the actor on the loop, and runs its methods there until the process ends.

    So its constructor may start tasks of the loop. A burst of calls wakes the loop once.

    Args:
        engine: The engine of this process.
        constructor: The execution that makes the actor.
        make: Makes it.
        calls_max: How many calls run at once at most.
    """
    channel = awaiting.Channel(engine, engine.served_channel())
    loop = asyncio.SelectorEventLoop(_Selector(engine, _Server(calls_max), channel))
    awaiting.serve(loop, channel)
    asyncio.set_event_loop(loop)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_until_complete(_make(constructor, make))
        runner.get_loop().run_forever()


async def _make(constructor: _core.Execution, make: Callable[[], object]) -> None:
    context.execution_of_coroutine.set(constructor)
    make()


class _Selector(selectors.EpollSelector):
    """Has the engine wait for the loop: it reads its sockets and watches the loop's descriptors."""

    def __init__(self, engine: _core.Engine, server: _Server, channel: awaiting.Channel) -> None:
        super().__init__()
        self._engine = engine
        self._server = server
        self._channel = channel
        engine.serve_loop(os.dup(self.fileno()))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Waits for descriptors that are ready; meanwhile calls come."""
        begin, end, told, descriptors = self._engine.attend(timeout)
        if begin:
            self._server.begin(begin)
        if end:
            self._server.interrupt(end)
        if told:
            self._channel.tell(told)
        return super().select(0) if descriptors else []


class _Server:
    """The calls under way."""

    def __init__(self, calls_max: int) -> None:
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        # One for each stream if need be: what one waits for may be what another would yield.
        self._threads = ThreadPoolExecutor(calls_max, "stream")

    def begin(self, executions: Sequence[_core.Execution]) -> None:
        """Begins what may begin."""
        loop = asyncio.get_running_loop()
        for execution in executions:
            task_id = execution.task_id
            self._tasks[task_id] = loop.create_task(self._run(execution, task_id))

    def interrupt(self, task_ids: Sequence[bytes]) -> None:
        """Cancels what is to end."""
        for task_id in task_ids:
            task = self._tasks.get(task_id)
            if task is not None:
                task.cancel()

    async def _run(self, execution: _core.Execution, task_id: bytes) -> None:
        context.execution_of_coroutine.set(execution)
        try:
            await self._call(execution)
        except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
            execute.report_error(execution, error)
        finally:
            del self._tasks[task_id]

    async def _call(self, execution: _core.Execution) -> None:
        function = execute.callee(execution)
        if execution.returns == "stream":
            await self._stream(execution, function)
            return
        args, kwargs = execution.arguments()
        value = function(*args, **kwargs)
        # A ref could be awaited, too, but is a result as it is.
        if inspect.isawaitable(value) and not isinstance(value, _core.ObjectRef):
            value = await value
        execute.finish(execution, value)

    async def _stream(self, execution: _core.Execution, function: Callable[..., Any]) -> None:
        if not inspect.isasyncgenfunction(inspect.unwrap(function)):
            await self._in_thread(execution.run_as, lambda: execute.stream(execution, function))
            return
        yielded = 0
        try:
            args, kwargs = execution.arguments()
            async for item in function(*args, **kwargs):
                execution.yield_item(yielded, item)
                yielded += 1
                if not execution.wait_consumed(yielded, 0.0):
                    await self._in_thread(execute.wait_for_consumer, execution, yielded)
        except BaseException as error:  # noqa: BLE001 - whatever it is, who waits is to know
            execute.report_error(execution, error)
        else:
            execution.finish_stream(yielded)

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> None:
        loop, here = asyncio.get_running_loop(), contextvars.copy_context()
        await loop.run_in_executor(self._threads, here.run, function, *args)
