"""What checkers see of tasks: arguments may be refs, results are refs, options change what comes.

Owns the accepted programs about tasks; `refused.py` holds those that are errors.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, assert_type

import aktis


@aktis.remote
def scale(value: int, factor: float = 2.0, *, exact: bool = False) -> float:
    return value * factor if exact else value


@aktis.remote
def count(limit: int) -> Iterator[str]:
    yield str(limit)


@aktis.remote
def generate(limit: int) -> Generator[bytes, None, None]:
    yield bytes(limit)


@aktis.remote
def anything(value: Any) -> Any:
    return value


@aktis.remote
def many(first: int, second: str, third: bytes, fourth: list[float]) -> None: ...


@aktis.remote(num_cpus=2, max_retries=0)
def heavy(value: int) -> str:
    return str(value)


@aktis.remote(num_returns=2)
def pair(value: int) -> tuple[int, int]:
    return value, value


def calls(number: aktis.ObjectRef[int], ratio: aktis.ObjectRef[float]) -> None:
    assert_type(scale.remote(1), aktis.ObjectRef[float])
    assert_type(scale.remote(1, 2.0, exact=True), aktis.ObjectRef[float])
    assert_type(scale.remote(value=1), aktis.ObjectRef[float])
    assert_type(scale.remote(number), aktis.ObjectRef[float])
    assert_type(scale.remote(number, ratio), aktis.ObjectRef[float])
    assert_type(scale.remote(number, 2.0), aktis.ObjectRef[float])
    assert_type(scale.remote(1, ratio), aktis.ObjectRef[float])
    assert_type(scale.remote(value=number), aktis.ObjectRef[float])
    assert_type(scale.remote(number, factor=ratio), aktis.ObjectRef[float])
    assert_type(heavy.remote(number), aktis.ObjectRef[str])
    assert_type(many.remote(number, "", b"", [1.0]), aktis.ObjectRef[None])


def results(ref: aktis.ObjectRef[int]) -> None:
    assert_type(aktis.get(scale.remote(1)), float)
    assert_type(aktis.get([scale.remote(value) for value in range(3)]), list[float])
    assert_type(aktis.get(ref, timeout=1.0), int)
    assert_type(aktis.put("text"), aktis.ObjectRef[str])
    ready, waiting = aktis.wait([ref], num_returns=1)
    assert_type(ready, list[aktis.ObjectRef[int]])
    assert_type(waiting, list[aktis.ObjectRef[int]])


def streams() -> None:
    assert_type(count.remote(3), aktis.ObjectRefGenerator[str])
    assert_type([aktis.get(item) for item in count.remote(3)], list[str])
    assert_type(next(generate.remote(3)), aktis.ObjectRef[bytes])


def options() -> None:
    assert_type(heavy.options(num_cpus=1).remote(1), aktis.ObjectRef[str])
    first, second = pair.remote(1)
    assert_type(first, aktis.ObjectRef[Any])
    assert_type(second, aktis.ObjectRef[Any])
    assert_type(heavy.options(num_returns=3).remote(1), list[aktis.ObjectRef[Any]])
    assert_type(heavy.options(num_returns=0).remote(1), None)
    aktis.cancel(heavy.remote(1))


async def awaiting(ref: aktis.ObjectRef[int]) -> None:
    assert_type(await ref, int)
    async for item in count.remote(3):
        assert_type(item, aktis.ObjectRef[str])


def unknown_types() -> None:
    ref: aktis.ObjectRef[Any] = anything.remote(1)
    aktis.get(anything.remote(ref))
