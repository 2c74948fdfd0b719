"""Functions that the tests of Dask have it call."""

from __future__ import annotations

from typing import Any


class Refused(Exception):  # noqa: N818 - named as a user might
    """An error of the user's."""


def add(left: Any, right: Any) -> Any:
    return left + right


def parity(number: int) -> str:
    return "odd" if number % 2 else "even"


def refuse(number: Any) -> None:
    message = f"number {number}"
    raise Refused(message)
