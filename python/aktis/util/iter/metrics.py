"""What functions within an iterator may note, and who made the item at hand.

Owns the notes. Does not own iterators (`local`).
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class MetricsContext:
    """Notes of one iterator.

    Attributes:
        counters: Numbers that grow, by name.
        info: Whatever else is worth noting, by name.
        current_actor: The actor that made the item at hand, if `gather_async` brought it.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.info: dict[str, Any] = {}
        self.current_actor: Any = None


class SharedMetrics:
    """The notes that an iterator shares with those it is made of."""

    def __init__(self) -> None:
        self.context = MetricsContext()
        self._parts: list[SharedMetrics] = []

    def join(self, others: list[SharedMetrics]) -> None:
        """From now on the others, and what they are made of, note in the same place."""
        self._parts.extend(others)
        for other in others:
            other.adopt(self.context)

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Lets functions that run meanwhile on this thread find the notes."""
        before = getattr(_here, "context", None)
        _here.context = self.context
        try:
            yield
        finally:
            _here.context = before

    def adopt(self, context: MetricsContext) -> None:
        """Notes in this place from now on, with what this is made of."""
        self.context = context
        for part in self._parts:
            part.adopt(context)


def current() -> MetricsContext:
    """The notes of the iterator whose function runs on this thread.

    Raises:
        ValueError: none runs.
    """
    context: MetricsContext | None = getattr(_here, "context", None)
    if context is None:
        message = "there are metrics only within functions that an iterator calls"
        raise ValueError(message)
    return context


_here = threading.local()
