"""What in a value cannot be pickled, and how the error says it.

Owns the words. The search itself is tested by its public face, in `tests/conformance`.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aktis._kernel import culprits


class Holder:
    """Something with a lock in it."""

    def __init__(self) -> None:
        self.parts = {"locks": [1, threading.Lock()]}


class Nameless:
    """Something that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Closed:
    """Something that lets nobody look inside."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("closed")

    def __getstate__(self) -> Any:
        return threading.Lock()


def too_early() -> Iterator[Any]:
    """A function that holds a lock, and a variable without a value."""
    lock = threading.Lock()
    yield lambda: (later, lock)
    later: Any = None


CASES: dict[str, tuple[object, str]] = {
    "itself": (threading.Lock(), "config is a _thread.lock"),
    "in_a_dict": ({"lock": threading.Lock()}, "config['lock'] is a _thread.lock"),
    "in_attributes": ([Holder()], "config[0].parts['locks'][1] is a _thread.lock"),
    "in_a_closure_made_too_early": (next(too_early()), "config.lock is a _thread.lock"),
    "beside_a_key_that_cannot_be_shown": ({Nameless(): threading.Lock()}, "config is a dict"),
    "in_what_lets_nobody_look_inside": ([Closed()], f"config[0] is a {__name__}.Closed"),
    "a_frame": (sys._getframe(), "config is a frame"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_error_names_the_path_to_the_reason(case: str) -> None:
    value, where = CASES[case]
    error = raised_for(value)

    told = culprits.explained(error, value, "argument config of train()", "config")

    assert str(told).startswith(f"argument config of train() cannot be pickled: {where} (")
    assert "register_serializer" in str(told)
    assert (type(told), told.__cause__) == (type(error), error)


def test_what_user_code_raised_while_it_was_pickled_stays_as_it_is() -> None:
    error = ValueError("not today")

    assert culprits.explained(error, object(), "the result of f()", "it") is error


def test_an_error_whose_reason_is_not_found_again_says_so_much() -> None:
    told = culprits.explained(pickle.PicklingError("once"), 1, "the result of f()", "it")

    assert str(told).startswith("the result of f() cannot be pickled: once.")


def raised_for(value: Any) -> Exception:
    error = culprits.try_dumps(value)
    assert error is not None
    return error
