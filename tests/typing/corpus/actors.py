"""What checkers see of actors: handles, methods, and classes whose methods they know.

Owns the accepted programs about actors; `refused.py` holds those that are errors.
"""

from __future__ import annotations

from typing import Any, assert_type, cast

import aktis
from aktis.actor import ActorHandle, ActorProxy


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.value = start

    @aktis.method
    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    @aktis.method(concurrency_group="io")
    def name(self) -> str:
        return f"{self.add(1)}"

    def plain(self) -> bytes:
        return b""


RemoteCounter = aktis.remote(Counter)
Limited = aktis.remote(max_restarts=1)(Counter)


def handles() -> None:
    counter = RemoteCounter.remote(5)
    assert_type(counter, ActorHandle[Counter])
    assert_type(Limited.options(name="one").remote(), ActorHandle[Counter])
    value: int = aktis.get(counter.add.remote(1))
    first, second = counter.plain.options(num_returns=2).remote()
    aktis.get([first, second])
    aktis.kill(counter)
    assert value


def known_methods(ref: aktis.ObjectRef[int]) -> None:
    counter = cast("ActorProxy[Counter]", RemoteCounter.remote())
    assert_type(counter.add.remote(1), aktis.ObjectRef[int])
    assert_type(counter.add.remote(ref), aktis.ObjectRef[int])
    assert_type(aktis.get(counter.name.remote()), str)


def found() -> None:
    assert_type(aktis.get_actor("name"), ActorHandle[Any])
