"""Which values survive the way to another process, and what is said about those that do not.

Owns the round trip of values. Lifetimes and views are in `test_objects`.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import pathlib
import threading
import uuid
from typing import Any

import numpy as np
import pytest

import aktis
import aktis.util
from aktis import cloudpickle
from aktis.exceptions import AktisError
from aktis.util.serialization import StandaloneSerializationContext

pytestmark = pytest.mark.usefixtures("session")

VALUES: dict[str, object] = {
    "none": None,
    "true": True,
    "small_int": 7,
    "negative_int": -(2**63) - 1,
    "huge_int": 10**100,
    "float": 1.5,
    "infinity": float("inf"),
    "complex": 1 + 2j,
    "empty_string": "",
    "unicode": "ἀκτίς \U0001f31e\0",
    "surrogate": "\ud800",
    "bytes": b"\x00\xff",
    "large_bytes": b"x" * 300_000,
    "large_string": "y" * 300_000,
    "bytearray": bytearray(b"abc"),
    "list": [1, "two", [3.0]],
    "tuple": (1, (2, ())),
    "set": {1, 2},
    "frozenset": frozenset({1}),
    "dict": {"a": 1, 2: "b", (3,): None},
    "ordered_dict": collections.OrderedDict([("b", 1), ("a", 2)]),
    "deque": collections.deque([1, 2], maxlen=3),
    "counter": collections.Counter("aab"),
    "slice": slice(1, 2, 3),
    "range": range(3),
    "ellipsis": ...,
    "type": int,
    "builtin_function": len,
    "decimal": decimal.Decimal("1.10"),
    "date": dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    "uuid": uuid.UUID(int=5),
    "path": pathlib.PurePosixPath("/a/b"),
    "deep_list": functools.reduce(lambda inner, _: [inner], range(100), list[Any]()),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_equal_and_of_the_same_type(name: str) -> None:
    value = VALUES[name]

    for result in (aktis.get(aktis.put(value)), aktis.get(identity.remote(value))):
        assert result == value
        assert type(result) is type(value)


ARRAYS: dict[str, np.ndarray] = {
    "bool": np.array([True, False]),
    "int8": np.arange(10, dtype=np.int8),
    "float16": np.linspace(0, 1, 5, dtype=np.float16),
    "complex": np.array([1j, 2.0]),
    "text": np.array(["a", "bcd"]),
    "time": np.array(["2024-01-01"], dtype="datetime64[D]"),
    "scalar": np.array(5),
    "empty": np.zeros((0, 3)),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "strided": np.arange(100_000)[::2],
    "reversed": np.arange(100_000)[::-1],
    "broadcast": np.broadcast_to(np.arange(4), (3, 4)),
    "structured": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "objects": np.array([{"a": 1}, None], dtype=object),
    "large": np.random.default_rng(0).random((500, 500)),
    "big_endian": np.arange(5, dtype=">i4"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_with_its_shape_type_and_values(name: str) -> None:
    array = ARRAYS[name]

    for result in (aktis.get(aktis.put(array)), aktis.get(identity.remote(array))):
        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result, array)


def test_arrays_inside_containers_are_views_too() -> None:
    ref = aktis.put({"first": np.zeros(100_000), "rest": [np.ones(100_000)]})

    value: Any = aktis.get(ref)

    assert not value["first"].flags.writeable
    assert not value["rest"][0].flags.writeable
    assert value["rest"][0].sum() == 100_000


def test_arrays_are_aligned_for_vector_instructions() -> None:
    arrays = aktis.get(aktis.put([np.zeros(100_001, dtype=np.uint8) for _ in range(5)]))

    assert [array.ctypes.data % 64 for array in arrays] == [0] * 5


def test_one_object_met_twice_stays_one_object() -> None:
    inner = [1]

    first, second = aktis.get(aktis.put((inner, inner)))

    assert first is second


def test_a_value_may_contain_itself() -> None:
    value: list[Any] = [1]
    value.append(value)

    result = aktis.get(aktis.put(value))

    assert result[1] is result


def test_instances_of_classes_defined_inside_a_function_survive() -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int

        def norm(self) -> int:
            return abs(self.x) + abs(self.y)

    assert aktis.get(norm.remote(Point(-3, 4))) == 7
    assert aktis.get(identity.remote(Point(1, 2))) == Point(1, 2)


def test_members_of_an_enumeration_are_the_same_member_again() -> None:
    class Colour(enum.Enum):
        RED = 1

    assert aktis.get(identity.remote(Colour.RED)) is Colour.RED


def test_named_tuples_survive() -> None:
    Pair = collections.namedtuple("Pair", ["left", "right"])  # noqa: PYI024

    result = aktis.get(identity.remote(Pair(1, 2)))

    assert (result.left, result.right) == (1, 2)


def test_functions_lambdas_and_partials_survive() -> None:
    offset = 10

    def add(left: int, right: int) -> int:
        return left + right + offset

    for function in (add, lambda left, right: left + right + 10, functools.partial(add)):
        assert aktis.get(call.remote(function, 1, 2)) == 13


def test_a_recursive_function_survives() -> None:
    def factorial(number: int) -> int:
        return 1 if number == 0 else number * factorial(number - 1)

    assert aktis.get(call.remote(factorial, 5)) == 120


def test_exceptions_are_values_like_others() -> None:
    result = aktis.get(identity.remote([KeyError("a", 1)]))[0]

    assert type(result) is KeyError
    assert result.args == ("a", 1)


def test_a_class_may_say_how_it_is_pickled() -> None:
    class Handle:
        def __init__(self, name: str) -> None:
            self.name = name
            self.lock = threading.Lock()

        def __reduce__(self) -> tuple[Any, ...]:
            return type(self), (self.name.upper(),)

    assert aktis.get(aktis.put(Handle("door"))).name == "DOOR"


def test_a_registered_serializer_is_used_until_it_is_removed() -> None:
    class Locked:
        def __init__(self, value: int) -> None:
            self.value = value
            self.lock = threading.Lock()

    aktis.util.register_serializer(
        Locked,
        serializer=lambda locked: locked.value,
        deserializer=lambda value: Locked(value + 1),
    )
    assert aktis.get(aktis.put(Locked(1))).value == 2
    aktis.util.deregister_serializer(Locked)
    with pytest.raises(TypeError):
        aktis.put(Locked(1))


def test_a_registered_serializer_is_used_in_closures_and_attributes_of_classes_too() -> None:
    guarded = Guarded("here")

    @aktis.remote
    def read() -> str:
        return guarded.how

    @aktis.remote
    class Reader:
        held = guarded

        def read(self) -> str:
            return self.held.how

    aktis.util.register_serializer(
        Guarded, serializer=lambda value: value.how, deserializer=Guarded
    )
    try:
        found = aktis.get([read.remote(), Reader.remote().read.remote()])
    finally:
        aktis.util.deregister_serializer(Guarded)

    assert found == ["here", "here"]


def test_a_program_registers_serializers_for_what_it_pickles_itself() -> None:
    context = StandaloneSerializationContext()
    guarded = Guarded()
    context._register_cloudpickle_serializer(Guarded, lambda _: "sent", Guarded)
    first = cloudpickle.loads(cloudpickle.dumps(guarded))
    context._register_cloudpickle_reducer(Guarded, lambda _: (Guarded, ("reduced",)))
    second = cloudpickle.loads(cloudpickle.dumps(guarded))
    for _ in range(2):
        context._unregister_cloudpickle_reducer(Guarded)

    assert (first.how, second.how) == ("sent", "reduced")
    with pytest.raises(TypeError, match="lock"):
        cloudpickle.dumps(guarded)


def test_put_of_a_value_that_cannot_be_pickled_names_it() -> None:
    reason = r"the value given to put\(\) cannot be pickled: it\['inner'\]\[0\] is a _thread.lock"
    with pytest.raises(TypeError, match=reason):
        aktis.put({"inner": [threading.Lock()]})


def test_an_argument_that_cannot_be_pickled_raises_at_the_call() -> None:
    with pytest.raises(TypeError, match=r"argument 1 of identity\(\) .*: it is a _thread.lock"):
        identity.remote(threading.Lock())
    with pytest.raises(TypeError, match=r"argument value of identity\(\) .*: value\[0\] is a"):
        identity.remote(value=[threading.Lock()])


def test_a_function_whose_closure_cannot_be_pickled_raises_at_the_call() -> None:
    lock = threading.Lock()

    @aktis.remote
    def hold() -> bool:
        return lock.locked()

    with pytest.raises(TypeError, match=r"function .*hold cannot be pickled: .*hold.lock is a"):
        hold.remote()


def test_a_result_that_cannot_be_pickled_fails_the_task() -> None:
    @aktis.remote
    def make_lock() -> Any:
        return threading.Lock()

    with pytest.raises(
        TypeError, match=r"the result of .*make_lock\(\) cannot be pickled: it is a"
    ):
        aktis.get(make_lock.remote())


def test_an_error_that_cannot_be_unpickled_still_tells_its_story() -> None:
    @aktis.remote
    def fail() -> None:
        class DemandingError(Exception):
            def __init__(self, first: int, second: int) -> None:
                super().__init__(f"sum {first + second}")

        raise DemandingError(1, 2)

    with pytest.raises(AktisError, match="sum 3"):
        aktis.get(fail.remote())


def test_an_error_that_cannot_be_pickled_still_tells_its_story() -> None:
    @aktis.remote
    def fail() -> None:
        error = ValueError("holds a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(AktisError, match="holds a lock"):
        aktis.get(fail.remote())


def test_an_object_that_fails_to_unpickle_raises_in_get() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return explode, ()

    with pytest.raises(Exception, match="boom"):
        aktis.get(aktis.put(Bomb()))


def test_a_generator_of_refs_cannot_be_sent() -> None:
    @aktis.remote
    def yield_one() -> Any:
        yield 1

    generator = yield_one.remote()

    with pytest.raises(TypeError):
        aktis.put(generator)
    with pytest.raises(TypeError):
        identity.remote(generator)


def test_refs_deep_inside_user_classes_are_found() -> None:
    class Box:
        def __init__(self, ref: aktis.ObjectRef[Any]) -> None:
            self.content = {"deep": [ref]}

    @aktis.remote
    def open_box(box: Any) -> Any:
        return aktis.get(box.content["deep"][0])

    assert aktis.get(open_box.remote(Box(aktis.put("found")))) == "found"


@aktis.remote
def identity(value: Any) -> Any:
    return value


@aktis.remote
def norm(point: Any) -> int:
    return int(point.norm())


@aktis.remote
def call(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def explode() -> None:
    raise ValueError("boom")


class Guarded:
    def __init__(self, how: str = "made") -> None:
        self.how = how
        self.lock = threading.Lock()
