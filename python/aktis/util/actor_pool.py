"""A pool of actors: calls go to whichever of them is idle, results come in order or as they are.

Owns which actor is idle and which call waits. Does not own the actors, nor what is called on them:
the caller's function does that.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import aktis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from aktis.actor import ActorHandle
    from aktis.types import ObjectRef

V = TypeVar("V")


class _Running(NamedTuple):
    """A call that an actor of the pool has."""

    turn: int
    ref: ObjectRef[Any]
    actor: ActorHandle[Any]


class ActorPool:
    """Spreads calls over actors, one at a time on each.

    Functions that are given take an actor and a value, and return the ref of a call:
    `lambda actor, value: actor.method.remote(value)`.
    """

    def __init__(self, actors: Iterable[ActorHandle[Any]]) -> None:
        self._idle = list(actors)
        # In the order of submission, by turn.
        self._running: dict[int, _Running] = {}
        self._waiting: deque[tuple[Callable[[Any, Any], Any], Any]] = deque()
        self._turns_given = 0
        self._taken_out_of_turn = False

    def map(self, fn: Callable[[Any, V], Any], values: Iterable[V]) -> Iterator[Any]:
        """Submits `fn` for each value at once, and yields the results in the order of the values.

        Results of earlier submissions that nobody took are dropped.
        """
        self._drop_all()
        for value in values:
            self.submit(fn, value)
        return self._results(self.get_next)

    def map_unordered(self, fn: Callable[[Any, V], Any], values: Iterable[V]) -> Iterator[Any]:
        """Submits `fn` for each value at once, and yields the results as they come.

        Results of earlier submissions that nobody took are dropped.
        """
        self._drop_all()
        for value in values:
            self.submit(fn, value)
        return self._results(self.get_next_unordered)

    def submit(self, fn: Callable[[Any, V], Any], value: V) -> None:
        """Calls `fn` with an idle actor and the value, as soon as an actor is idle."""
        if not self._idle:
            self._waiting.append((fn, value))
            return
        # The actor stays idle if the function raises.
        actor = self._idle[-1]
        ref = fn(actor, value)
        self._idle.pop()
        self._running[self._turns_given] = _Running(self._turns_given, ref, actor)
        self._turns_given += 1

    def get_next(
        self,
        timeout: float | None = None,
        ignore_if_timedout: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
    ) -> Any:
        """Waits for the next result in the order of submission and returns it, or raises its error.

        Args:
            timeout: How many seconds to wait.
            ignore_if_timedout: Whether a result that was not there in time is dropped.

        Raises:
            StopIteration: nothing is under way.
            TimeoutError: the time is over.
            ValueError: a result that is under way still may have been taken out of turn.
        """
        self._check_next()
        if self._taken_out_of_turn:
            message = (
                "get_next() cannot follow get_next_unordered() while calls are under way; take "
                "the rest with get_next_unordered()"
            )
            raise ValueError(message)
        return self._take(timeout, [next(iter(self._running.values()))], drops=ignore_if_timedout)

    def get_next_unordered(
        self,
        timeout: float | None = None,
        ignore_if_timedout: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
    ) -> Any:
        """Waits for any result and returns it, or raises its error.

        Args:
            timeout: How many seconds to wait.
            ignore_if_timedout: Whether the oldest call is dropped if none was there in time.

        Raises:
            StopIteration: nothing is under way.
            TimeoutError: the time is over.
        """
        self._check_next()
        self._taken_out_of_turn = True
        return self._take(timeout, list(self._running.values()), drops=ignore_if_timedout)

    def has_next(self) -> bool:
        """Whether a result is there or will be."""
        return bool(self._running)

    def has_free(self) -> bool:
        """Whether an actor is idle, and no call waits for one."""
        return bool(self._idle) and not self._waiting

    def pop_idle(self) -> ActorHandle[Any] | None:
        """Takes an idle actor out of the pool and returns it; None if there is none."""
        return self._idle.pop() if self.has_free() else None

    def push(self, actor: ActorHandle[Any]) -> None:
        """Adds an actor, which takes a call that waits at once.

        Raises:
            ValueError: the actor is in the pool.
        """
        if actor in self._idle or any(call.actor == actor for call in self._running.values()):
            message = f"{actor!r} is in this pool already"
            raise ValueError(message)
        self._give_back(actor)

    def _check_next(self) -> None:
        if not self.has_next():
            message = "no call is under way; submit one, or ask has_next() before"
            raise StopIteration(message)

    def _take(self, timeout: float | None, calls: list[_Running], *, drops: bool) -> Any:
        """The result of whichever of the calls is there first; the pool forgets the call."""
        ready, _ = aktis.wait([call.ref for call in calls], timeout=timeout)
        if not ready and not drops:
            message = f"no result was there within {timeout} s; the call goes on"
            raise TimeoutError(message)
        taken = next((call for call in calls if call.ref in ready), calls[0])
        del self._running[taken.turn]
        self._give_back(taken.actor)
        if not self._running:
            self._taken_out_of_turn = False
        if not ready:
            message = f"no result was there within {timeout} s; the call is dropped"
            raise TimeoutError(message)
        return aktis.get(taken.ref)

    def _give_back(self, actor: ActorHandle[Any]) -> None:
        self._idle.append(actor)
        if self._waiting:
            self.submit(*self._waiting.popleft())

    def _drop_all(self) -> None:
        """Drops what was submitted before: its results belong to nobody."""
        self._waiting.clear()
        while self._running:
            _, call = self._running.popitem()
            self._idle.append(call.actor)
        self._taken_out_of_turn = False

    def _results(self, take: Callable[[], Any]) -> Iterator[Any]:
        while self.has_next():
            yield take()
