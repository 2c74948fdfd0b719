"""Which pickler carries a value, and that the value comes back: without processes.

Owns tables of values. That they survive the way to another process is in `tests/conformance`.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import pickle
import random
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
import pytest

from aktis import _core  # noqa: TID251 - the forms without a pickle are Rust's
from aktis._kernel import carrying, reducers, serialize

ROUNDS = 200
DEPTH_MAX = 4

PLAIN: dict[str, object] = {
    "tuple": (1, "two", 3.0, None, True, b"six"),
    "nested": {"a": [1, (2, {3, 4})], "b": {"c": frozenset({5})}},
    "counter": collections.Counter("aab"),
    "deque": collections.deque([1, 2], maxlen=3),
    "decimal": decimal.Decimal("1.10"),
    "date": dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    "huge_int": -(2**63) - 1,
    "surrogate": "\ud800",
    "type": int,
    "builtin": len,
    "class_of_a_module": collections.OrderedDict,
    "function_of_a_module": functools.reduce,
}
SIMPLE: dict[str, object] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "smallest": -(2**63),
    "largest": 2**63 - 1,
    "float": -0.0,
    "infinity": float("inf"),
    "empty_text": "",
    "text": "ἀκτίς \U0001f31e\0",
    "empty_bytes": b"",
    "bytes": bytes(range(256)),
}


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int


@pytest.mark.parametrize("name", PLAIN | SIMPLE)
def test_a_value_comes_back_equal_and_of_the_same_type(name: str) -> None:
    value = (PLAIN | SIMPLE)[name]

    result = round_trip(value)

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("name", SIMPLE)
def test_a_simple_value_is_not_pickled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialize, "dumps", forbidden)

    assert len(_core.encoded(SIMPLE[name])) <= 1 + 8 + 256


@pytest.mark.parametrize("name", PLAIN)
def test_what_others_can_import_needs_no_cloudpickle(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "dumps", forbidden)

    pickled, _ = serialize.dumps(PLAIN[name])

    assert pickle.loads(pickled) == PLAIN[name]


def test_values_made_at_random_come_back() -> None:
    chance = random.Random(7)

    for _ in range(ROUNDS):
        value = random_value(chance, DEPTH_MAX)
        assert round_trip(value) == value


def test_a_subclass_of_a_simple_type_keeps_its_type() -> None:
    class Name(str):
        __slots__ = ()

    result = round_trip(Name("x"))

    assert type(result).__name__ == "Name"
    assert result == "x"


def test_a_lambda_is_carried_by_value() -> None:
    offset = 10

    assert round_trip(lambda value: value + offset)(1) == 11


def test_a_local_function_inside_a_container_is_carried_by_value() -> None:
    def double(value: int) -> int:
        return 2 * value

    assert round_trip({"functions": [double]})["functions"][0](4) == 8


def test_an_instance_of_a_local_class_is_carried_with_its_class() -> None:
    @dataclasses.dataclass
    class Pair:
        left: int

    assert round_trip(Pair(3)).left == 3


def test_functions_and_classes_of_main_are_carried_by_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = types.ModuleType("__main__")
    exec("def triple(value): return 3 * value\nclass Box: size = 5", program.__dict__)  # noqa: S102
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "__main__", program)
        pickled, _ = serialize.dumps([program.triple, program.Box, program.Box()])

    function, kind, instance = pickle.loads(pickled)

    assert (function(2), kind.size, instance.size) == (6, 5, 5)


def test_a_module_that_the_user_registered_is_carried_by_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("only_here")
    exec("def answer(): return 42", module.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, "only_here", module)
    cloudpickle.register_pickle_by_value(module)
    try:
        pickled, _ = serialize.dumps(module.answer)
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    monkeypatch.delitem(sys.modules, "only_here")

    assert pickle.loads(pickled)() == 42


def test_a_function_of_a_module_is_carried_by_name() -> None:
    pickled, _ = serialize.dumps(round_trip)

    assert b"round_trip" in pickled
    assert pickle.loads(pickled) is round_trip


def test_an_enumeration_gives_the_same_member() -> None:
    assert round_trip(Colour.RED) is Colour.RED
    assert round_trip([Point(1, 2)]) == [Point(1, 2)]


def test_buffers_are_kept_out_of_the_pickle() -> None:
    array = np.arange(10_000)

    pickled, buffers = serialize.dumps({"array": array})

    assert len(pickled) < 1000
    assert [buffer.raw().nbytes for buffer in buffers] == [array.nbytes]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(100)[::2],
        np.zeros((0, 3)),
        np.array(5),
        np.array(["a", "bcd"]),
        np.array([{"a": 1}, None], dtype=object),
    ],
    ids=["plain", "fortran", "strided", "empty", "scalar", "text", "objects"],
)
def test_arrays_come_back_read_only_or_in_the_pickle(array: np.ndarray) -> None:
    result = round_trip(array)

    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


def test_an_array_that_came_back_cannot_be_changed() -> None:
    array = round_trip(np.zeros(100))

    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_a_value_that_holds_itself_comes_back() -> None:
    value: list[Any] = [1]
    value.append(value)

    result = round_trip(value)

    assert result[1] is result


def test_what_cannot_be_pickled_is_named() -> None:
    with pytest.raises(TypeError, match="lock"):
        serialize.dumps({"inner": [threading.Lock()]})


def test_a_registered_serializer_is_used_until_it_is_removed() -> None:
    class Locked:
        def __init__(self, value: int) -> None:
            self.value = value
            self.lock = threading.Lock()

    reducers.register(
        Locked,
        serializer=lambda locked: locked.value,
        deserializer=lambda value: Locked(value + 1),
    )
    try:
        assert round_trip([Locked(1)])[0].value == 2
    finally:
        reducers.deregister(Locked)
    with pytest.raises(TypeError, match="lock"):
        serialize.dumps(Locked(1))


def test_bytes_that_are_no_value_are_refused() -> None:
    for damaged in (b"", b"\xff", b"\x03abc", b"\x05\xff", b"\x08" + bytes(20)):
        with pytest.raises((ValueError, EOFError, pickle.UnpicklingError)):
            _core.decoded(damaged)


def round_trip(value: Any) -> Any:
    return _core.decoded(_core.encoded(value))


def forbidden(value: object, *_: object) -> Any:
    pytest.fail(f"{value!r} took the slow way")


def random_value(chance: random.Random, depth: int) -> Any:
    makers: list[Callable[[], Any]] = [
        lambda: None,
        chance.random,
        lambda: chance.randint(-(2**70), 2**70),
        lambda: chance.randbytes(chance.randint(0, 50)),
        lambda: "".join(chr(chance.randint(1, 0xD7FF)) for _ in range(chance.randint(0, 20))),
    ]
    if depth > 0:
        size = range(chance.randint(0, 4))
        makers += [
            lambda: [random_value(chance, depth - 1) for _ in size],
            lambda: tuple(random_value(chance, depth - 1) for _ in size),
            lambda: {str(key): random_value(chance, depth - 1) for key in size},
        ]
    return chance.choice(makers)()
