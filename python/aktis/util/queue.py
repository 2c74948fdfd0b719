"""A queue that tasks and actors share: one actor holds the items.

Owns the public form and the actor. Does not own its order, which is that of `asyncio.Queue`.
"""

from __future__ import annotations

import asyncio
import queue
from typing import TYPE_CHECKING, Any

import aktis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Whoever waits in `put` or `get` is a call that waits in the actor, so there may be many.
WAITING_MAX = 100_000


class Empty(queue.Empty):
    """There is nothing in the queue."""


class Full(queue.Full):
    """There is no room in the queue."""


class Queue:
    """First in, first out, for any number of processes; a `Queue` can be sent to all of them.

    Args:
        maxsize: How many items it holds at most; 0 is without limit.
        actor_options: Options of the actor that holds them, such as `num_cpus` or `name`.
    """

    def __init__(self, maxsize: int = 0, actor_options: Mapping[str, Any] | None = None) -> None:
        self.maxsize = maxsize
        options = {"max_concurrency": WAITING_MAX} | dict(actor_options or {})
        self.actor: Any = aktis.remote(**options)(_Items).remote(maxsize)

    def __len__(self) -> int:
        return self.size()

    def size(self) -> int:
        """How many items are in it at the moment."""
        count: int = aktis.get(self.actor.size.remote())
        return count

    def qsize(self) -> int:
        """How many items are in it at the moment."""
        return self.size()

    def empty(self) -> bool:
        """Whether it holds nothing at the moment."""
        return self.size() == 0

    def full(self) -> bool:
        """Whether it has no room at the moment."""
        return 0 < self.maxsize <= self.size()

    def put(
        self,
        item: Any,
        block: bool = True,  # noqa: FBT001, FBT002 - the standard library's signature
        timeout: float | None = None,
    ) -> None:
        """Adds an item, and waits for room.

        Args:
            item: What to add.
            block: Whether to wait at all.
            timeout: How many seconds to wait; None is without end.

        Raises:
            Full: there was no room.
            ValueError: `timeout` is negative.
        """
        aktis.get(self._put(item, timeout if block else 0))

    async def put_async(
        self,
        item: Any,
        block: bool = True,  # noqa: FBT001, FBT002 - Ray's signature
        timeout: float | None = None,  # noqa: ASYNC109 - Ray's signature
    ) -> None:
        """Adds an item as `put` does, and lets others run on the loop meanwhile."""
        await self._put(item, timeout if block else 0)

    def get(
        self,
        block: bool = True,  # noqa: FBT001, FBT002 - the standard library's signature
        timeout: float | None = None,
    ) -> Any:
        """Takes the oldest item out and returns it, and waits for one.

        Args:
            block: Whether to wait at all.
            timeout: How many seconds to wait; None is without end.

        Raises:
            Empty: there was none.
            ValueError: `timeout` is negative.
        """
        return aktis.get(self._get(timeout if block else 0))

    async def get_async(
        self,
        block: bool = True,  # noqa: FBT001, FBT002 - Ray's signature
        timeout: float | None = None,  # noqa: ASYNC109 - Ray's signature
    ) -> Any:
        """Takes the oldest item out as `get` does, and lets others run on the loop meanwhile."""
        return await self._get(timeout if block else 0)

    def put_nowait(self, item: Any) -> None:
        """Adds an item; raises `Full` if there is no room."""
        self.put(item, block=False)

    def get_nowait(self) -> Any:
        """Takes the oldest item out and returns it; raises `Empty` if there is none."""
        return self.get(block=False)

    def put_nowait_batch(self, items: Iterable[Any]) -> None:
        """Adds all the items in one call, or none of them.

        Raises:
            Full: there is no room for all.
            TypeError: `items` is not iterable.
        """
        aktis.get(self.actor.put_all.remote(list(items)))

    def get_nowait_batch(self, num_items: int) -> list[Any]:
        """Takes so many items out in one call, or none, and returns them, oldest first.

        Raises:
            Empty: there are not so many.
            TypeError: `num_items` is no integer.
            ValueError: `num_items` is negative.
        """
        if not isinstance(num_items, int):
            message = f"num_items must be an integer, not {num_items!r}"
            raise TypeError(message)
        if num_items < 0:
            message = f"num_items must be 0 or more, not {num_items}"
            raise ValueError(message)
        items: list[Any] = aktis.get(self.actor.get_all.remote(num_items))
        return items

    def shutdown(
        self,
        force: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
        grace_period_s: float = 5,
    ) -> None:
        """Ends the actor; the items are gone. Harmless if repeated.

        Args:
            force: Whether to end it at once, and not after the calls at hand.
            grace_period_s: How long those may take; then it is ended all the same.
        """
        if self.actor is None:
            return
        actor, self.actor = self.actor, None
        if not force:
            ended, _ = aktis.wait([actor.__aktis_terminate__.remote()], timeout=grace_period_s)
            if ended:
                return
        aktis.kill(actor)

    def _put(self, item: Any, timeout: float | None) -> Any:
        _check_timeout(timeout)
        return self.actor.put.remote(item, timeout)

    def _get(self, timeout: float | None) -> Any:
        _check_timeout(timeout)
        return self.actor.get.remote(timeout)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and timeout < 0:
        message = f"timeout must be 0 or more, not {timeout}; None waits without end"
        raise ValueError(message)


class _Items:
    """The actor: its loop runs one step at a time, so that each step is whole."""

    def __init__(self, maxsize: int) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue(maxsize)

    async def size(self) -> int:
        """How many items there are."""
        return self._items.qsize()

    async def put(self, item: Any, timeout_s: float | None) -> None:
        """Adds an item once there is room."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._items.put(item)
        except TimeoutError:
            message = f"there was no room in the queue within {timeout_s} s"
            raise Full(message) from None

    async def get(self, timeout_s: float | None) -> Any:
        """Takes an item out once there is one."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._items.get()
        except TimeoutError:
            message = f"there was nothing in the queue within {timeout_s} s"
            raise Empty(message) from None

    async def put_all(self, items: list[Any]) -> None:
        """Adds all items, or none."""
        room = self._items.maxsize - self._items.qsize()
        if self._items.maxsize > 0 and room < len(items):
            message = f"the queue has room for {room} items, not for {len(items)}"
            raise Full(message)
        for item in items:
            self._items.put_nowait(item)

    async def get_all(self, count: int) -> list[Any]:
        """Takes so many items out, or none."""
        if self._items.qsize() < count:
            message = f"the queue holds {self._items.qsize()} items, not {count}"
            raise Empty(message)
        return [self._items.get_nowait() for _ in range(count)]
