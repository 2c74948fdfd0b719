"""Calls of actors whose methods do nothing: sync and async methods, one and many of each side.

Owns rates of calls. Does not own the creation of actors: `scale.many_actors` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benches.goals import AtLeast, TimesRay
from benches.trial import Measure, Row, Trial

if TYPE_CHECKING:
    from types import ModuleType

BATCH_CALLS = 1_000
ACTORS = 2
CALLERS = 2
CALLS_OF_A_CALLER = 2_000


def one_sync(trial: Trial) -> None:
    """Calls one actor and waits, again and again."""
    engine = trial.start()
    actor = _plain_actors(engine, 1)[0]
    trial.rate("actor_sync", lambda: engine.get(actor.call.remote()))


def one_batched(trial: Trial) -> None:
    """Calls one actor in batches."""
    engine = trial.start()
    actor = _plain_actors(engine, 1)[0]

    def batch() -> None:
        engine.get([actor.call.remote() for _ in range(BATCH_CALLS)])

    trial.rate("actor_async", batch, count=BATCH_CALLS)


def one_to_many(trial: Trial) -> None:
    """Calls several actors from one caller, in batches that visit them in turn."""
    engine = trial.start()
    actors = _plain_actors(engine, ACTORS)

    def batch() -> None:
        engine.get([actors[turn % ACTORS].call.remote() for turn in range(BATCH_CALLS)])

    trial.rate("actor_async_1_to_n", batch, count=BATCH_CALLS)


def many_to_many(trial: Trial) -> None:
    """Lets several tasks at once call several actors, each task in one batch."""
    engine = trial.start()
    actors = _plain_actors(engine, ACTORS)

    def call_all(targets: list[Any]) -> None:
        engine.get(
            [targets[turn % len(targets)].call.remote() for turn in range(CALLS_OF_A_CALLER)]
        )

    caller = engine.remote(call_all)

    def batch() -> None:
        engine.get([caller.remote(actors) for _ in range(CALLERS)])

    trial.rate("actor_async_n_to_n", batch, count=CALLERS * CALLS_OF_A_CALLER)


def coroutines(trial: Trial) -> None:
    """Calls an actor whose method is a coroutine: one at a time, then in batches."""
    engine = trial.start()

    class Echo:
        async def call(self) -> bytes:
            return b"ok"

    actor = engine.remote(Echo).remote()

    def batch() -> None:
        engine.get([actor.call.remote() for _ in range(BATCH_CALLS)])

    trial.rate("async_actor_sync", lambda: engine.get(actor.call.remote()))
    trial.rate("async_actor_async", batch, count=BATCH_CALLS)


def _plain_actors(engine: ModuleType, count: int) -> list[Any]:
    class Echo:
        def call(self) -> bytes:
            return b"ok"

    factory = engine.remote(Echo)
    actors = [factory.remote() for _ in range(count)]
    engine.get([actor.call.remote() for actor in actors])
    return actors


ROWS = (
    Row(
        "actor_sync",
        one_sync,
        (
            Measure(
                "actor_sync",
                "calls/s",
                "higher",
                "one wake-up each way",
                (AtLeast(10_000.0), TimesRay(8.0)),
            ),
        ),
    ),
    Row(
        "actor_async",
        one_batched,
        (
            Measure(
                "actor_async",
                "calls/s",
                "higher",
                "pickling and unpickling a call; wake-ups shared by the batch",
                (AtLeast(70_000.0), TimesRay(15.0)),
            ),
        ),
    ),
    Row(
        "actor_async_1_to_n",
        one_to_many,
        (Measure("actor_async_1_to_n", "calls/s", "higher", "the submitter's one core"),),
    ),
    Row(
        "actor_async_n_to_n",
        many_to_many,
        (
            Measure(
                "actor_async_n_to_n",
                "calls/s",
                "higher",
                "four busy processes on the cores there are",
                (AtLeast(60_000.0), TimesRay(12.0)),
            ),
        ),
    ),
    Row(
        "async_actor",
        coroutines,
        (
            Measure("async_actor_sync", "calls/s", "higher", "actor_sync and a turn of the loop"),
            Measure("async_actor_async", "calls/s", "higher", "one turn of the loop for a burst"),
        ),
    ),
)
