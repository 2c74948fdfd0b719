"""What mypy sees of decorated classes with the plugin: actor classes that are types too.

Owns the accepted programs and the refused ones; without the plugin most lines are errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import assert_type

import aktis
from aktis.actor import ActorClass, ActorHandle


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


@aktis.remote
class Counter:
    def __init__(self, start: int = 0) -> None:
        self.value = start

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value


@aktis.remote(num_cpus=1, max_restarts=1)
class Square(Shape):
    def area(self) -> float:
        return 1.0


def handles() -> tuple[ActorHandle[Counter], ActorHandle[Square]]:
    assert_type(Counter.remote(5), ActorHandle[Counter])
    assert_type(Counter.options(name="one"), ActorClass[Counter])
    assert_type(Counter.options(name="one").remote(), ActorHandle[Counter])
    return Counter.remote(), Square.remote()


def inside_a_function() -> int:
    @aktis.remote
    class Local:
        def answer(self) -> int:
            return 42

    value: int = aktis.get(Local.remote().answer.remote())
    return value


def graphs() -> None:
    Counter.bind(1)


def wrong() -> None:
    Counter.remotely()  # type: ignore[attr-defined]
    Shape.remote()  # type: ignore[attr-defined]
    Counter.options("one")  # type: ignore[call-arg]


class Child(Counter):  # type: ignore[metaclass]
    pass
