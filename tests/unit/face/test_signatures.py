"""Calls that do not fit a function are refused as Python itself would refuse them.

Owns the check on the caller's side; what follows from a call is tested with processes.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from aktis.signatures import FORMS_MAX, is_async, is_generator, signature_of


def plain(first: int, second: int = 2) -> None: ...
def variable(first: int, *rest: int, flag: bool = False, **named: int) -> None: ...
def required_by_name(*, must: int, may: int = 0) -> None: ...
def only_by_place(first: int, /, second: int) -> None: ...
def swallows(first: int, /, **named: int) -> None: ...
def nothing() -> None: ...


class Thing:
    def method(self, first: int, second: int = 2) -> None: ...


FUNCTIONS = [
    plain,
    variable,
    required_by_name,
    only_by_place,
    swallows,
    nothing,
    Thing().method,
]
FORMS: list[tuple[tuple[int, ...], dict[str, int]]] = [
    (tuple(range(count)), dict.fromkeys(names, 0))
    for count in range(4)
    for names in [(), ("first",), ("second",), ("must",), ("must", "may"), ("flag",), ("other",)]
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_call_is_refused_exactly_if_python_would_refuse_it(function: Callable[..., Any]) -> None:
    signature = signature_of(function, name=function.__name__)

    for args, kwargs in FORMS:
        assert fits(signature.check, args, kwargs) == binds(function, args, kwargs), (args, kwargs)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_counts_between_the_limits_need_no_check(function: Callable[..., Any]) -> None:
    signature = signature_of(function, name=function.__name__)

    for count in range(5):
        if signature.count_min <= count <= signature.count_max:
            assert binds(function, tuple(range(count)), {})


def test_the_error_names_the_function_and_the_argument() -> None:
    with pytest.raises(TypeError, match=r"work\(\) missing a required argument: 'first'"):
        signature_of(plain, name="work").check((), {})
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'colour'"):
        signature_of(plain, name="work").check((1,), {"colour": 3})


def test_the_first_parameter_of_a_method_is_given_by_others() -> None:
    def method(self: object, value: int) -> None: ...

    signature = signature_of(method, name="method", skip_first=True)

    signature.check((1,), {})
    with pytest.raises(TypeError):
        signature.check((1, 2), {})


def test_a_wrapped_function_takes_what_the_wrapped_one_takes() -> None:
    @functools.wraps(plain)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    signature = signature_of(wrapper, name="wrapper")

    with pytest.raises(TypeError):
        signature.check((1, 2, 3), {})


def test_a_callable_that_does_not_tell_takes_anything() -> None:
    signature_of(dict.update, name="update").check((1, 2, 3), {"any": 1})


def test_a_signature_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(signature_of(plain, name="plain")))

    copy.check((1,), {})
    with pytest.raises(TypeError, match="plain"):
        copy.check((), {})


def test_forms_are_remembered_up_to_a_limit() -> None:
    signature = signature_of(variable, name="variable")

    for index in range(2 * FORMS_MAX):
        signature.check((1,), {f"name{index}": 1})

    assert len(signature._forms) == FORMS_MAX


def test_kinds_of_functions_are_told_apart() -> None:
    def generator() -> Any:
        yield 1

    async def coroutine() -> None: ...

    async def stream() -> Any:
        yield 1

    kinds = [(is_generator(one), is_async(one)) for one in (plain, generator, coroutine, stream)]

    assert kinds == [(False, False), (True, False), (False, True), (True, True)]
    assert is_generator(functools.partial(generator))


def fits(
    check: Callable[[tuple[Any, ...], dict[str, Any]], None],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> bool:
    """Whether the check lets the call pass."""
    try:
        check(args, kwargs)
    except TypeError:
        return False
    return True


def binds(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether Python itself makes the call."""
    try:
        function(*args, **kwargs)
    except TypeError:
        return False
    return True
