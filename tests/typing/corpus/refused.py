"""Programs that checkers refuse: each comment that silences an error fails if there is none.

Owns the errors; what is accepted is in the other files.
"""

from __future__ import annotations

from typing import cast

import aktis
from aktis.actor import ActorProxy


@aktis.remote
def scale(value: int, factor: str = "") -> float:
    return len(factor) * value


class Counter:
    @aktis.method
    def add(self, amount: int) -> int:
        return amount


def wrong_calls(text: aktis.ObjectRef[str], number: aktis.ObjectRef[int]) -> None:
    scale.remote("text")  # type: ignore[call-overload]
    scale.remote(text)  # type: ignore[arg-type]
    scale.remote(1, 2)  # type: ignore[call-overload]
    scale.remote(number, number)  # type: ignore[arg-type]
    scale.remote(1, "", 3)  # type: ignore[call-overload]
    scale.remote(1, unknown=2)  # type: ignore[call-overload]


def wrong_results() -> None:
    text: str = aktis.get(scale.remote(1))  # type: ignore[assignment]
    aktis.get(1)  # type: ignore[call-overload]
    aktis.wait(aktis.put(1))  # type: ignore[arg-type]
    assert text


def wrong_methods() -> None:
    counter = cast("ActorProxy[Counter]", aktis.remote(Counter).remote())
    counter.add.remote("text")  # type: ignore[call-overload]
    counter.subtract.remote(1)  # type: ignore[attr-defined]
