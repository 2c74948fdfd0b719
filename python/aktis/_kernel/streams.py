"""The refs that a running task yields, as their consumer takes them.

Owns `ObjectRefGenerator`. Does not own the order and the look-ahead (Rust).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from aktis._kernel import awaiting
from aktis._kernel.session import current, require
from aktis.exceptions import GetTimeoutError

if TYPE_CHECKING:
    from collections.abc import Generator

    from aktis import _core


class ObjectRefGenerator:
    """Iterates over refs to what a task yields, each as soon as it is there.

    What the task raised comes as the last ref. Not safe to use from several threads at once, and
    cannot be pickled. When it goes, so do the items that nobody took.
    """

    def __init__(self, whole: _core.ObjectRef[Any]) -> None:
        # The session may end before the stream; another one knows nothing of it.
        self._engine = require().engine
        self._whole = whole
        self._next: _core.ObjectRef[Any] | None = None
        self._ended = False

    def __iter__(self) -> ObjectRefGenerator:
        return self

    def __next__(self) -> _core.ObjectRef[Any]:
        found = self._take(None)
        if found is None:
            raise StopIteration
        return found

    def __aiter__(self) -> ObjectRefGenerator:
        return self

    async def __anext__(self) -> _core.ObjectRef[Any]:
        while not self.is_next_ready():
            await awaiting.next_of(self._whole)
        found = self._take(0.0)
        if found is None:
            raise StopAsyncIteration
        return found

    def completed(self) -> _core.ObjectRef[Any]:
        """A ref to the whole: there once the task ended, and an error if it failed."""
        return self._whole

    def next_ready(self) -> bool:
        """Whether the next item, or the end, is there."""
        return self.is_next_ready()

    def is_next_ready(self) -> bool:
        """Whether `next` would not wait."""
        return self.wait_next(0.0)

    def is_finished(self) -> bool:
        """Whether all items were taken and the task ended."""
        return self._ended

    def wait_next(self, timeout_s: float | None) -> bool:
        """Waits until the next item, or the end, is there; whether it is."""
        if self._next is None and not self._ended:
            try:
                self._next = self._fetch(timeout_s)
            except GetTimeoutError:
                return False
        return True

    def send(self, _value: object) -> NoReturn:
        """Not possible: the generator runs elsewhere."""
        raise NotImplementedError

    def throw(self, *_error: object) -> NoReturn:
        """Not possible: the generator runs elsewhere."""
        raise NotImplementedError

    def close(self) -> NoReturn:
        """Not possible: the generator runs elsewhere; drop this object instead."""
        raise NotImplementedError

    async def asend(self, _value: object) -> NoReturn:
        """Not possible: the generator runs elsewhere."""
        raise NotImplementedError

    async def athrow(self, *_error: object) -> NoReturn:
        """Not possible: the generator runs elsewhere."""
        raise NotImplementedError

    async def aclose(self) -> NoReturn:
        """Not possible: the generator runs elsewhere; drop this object instead."""
        raise NotImplementedError

    def __reduce__(self) -> NoReturn:
        message = "a generator of refs cannot be pickled; pass the refs that it yields"
        raise TypeError(message)

    def __del__(self) -> None:
        here = current()
        if here is not None and here.engine == self._engine and not self._ended:
            self._engine.abandon(self._whole)

    def __repr__(self) -> str:
        return f"ObjectRefGenerator({self._whole.hex()})"

    def _take(self, timeout_s: float | None) -> _core.ObjectRef[Any] | None:
        if self._next is None and not self._ended:
            self._next = self._fetch(timeout_s)
        found, self._next = self._next, None
        return found

    def _fetch(self, timeout_s: float | None) -> _core.ObjectRef[Any] | None:
        """The next ref; None after the last. What the task raised is the last."""
        if self._ended:
            return None
        item = self._engine.next_item(self._whole, timeout_s)
        self._ended = item is None
        return item


class DynamicObjectRefGenerator:
    """The refs to all that a task yielded, made once it ended."""

    def __init__(self, refs: list[_core.ObjectRef[Any]]) -> None:
        self._refs = refs

    def __iter__(self) -> Generator[_core.ObjectRef[Any]]:
        yield from self._refs

    def __len__(self) -> int:
        return len(self._refs)
