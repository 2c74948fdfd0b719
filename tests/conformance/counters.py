"""Actors that the tests of actors call, and a task that lets a value through.

Owns `Counter`, which adds, and `Recorder`, which remembers and can be made to wait or to end.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import aktis
from aktis.actor import exit_actor
from tests.conformance.waiting import Gate, Tally


@aktis.remote
class Counter:
    def __init__(self, start: int = 0) -> None:
        self.value = start

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def process_id(self) -> int:
        return os.getpid()


@aktis.remote
class Recorder:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def record(self, value: Any) -> None:
        self.values.append(value)

    def read(self) -> list[Any]:
        return self.values

    def process_id(self) -> int:
        return os.getpid()

    def wait(self, gate: Gate) -> None:
        gate.wait()

    def at_exit(self, tally: Tally) -> None:
        import atexit

        atexit.register(tally.add)

    def leave(self) -> None:
        exit_actor()

    def system_exit(self) -> None:
        sys.exit(0)


@aktis.remote
def pass_gate(gate: Gate, value: Any) -> Any:
    gate.wait()
    return value
