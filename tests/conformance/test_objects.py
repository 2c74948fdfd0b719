"""What an object and a ref are: `put`, `get`, futures, ids, copies and lifetimes.

Owns values as such. How values are turned into bytes is in `test_serialization`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.exceptions import AktisError, GetTimeoutError
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")


@pytest.mark.parametrize("value", [None, 0, "text", b"", [1, [2]], {"a": (1, 2)}], ids=repr)
def test_get_gives_back_what_was_put(value: object) -> None:
    assert aktis.get(aktis.put(value)) == value


def test_get_of_a_list_keeps_order_and_duplicates() -> None:
    first, second = aktis.put("first"), aktis.put("second")

    assert aktis.get([second, first, second]) == ["second", "first", "second"]


def test_get_of_an_empty_list_is_an_empty_list() -> None:
    assert aktis.get([]) == []


@pytest.mark.parametrize("wrong", [(), 3, "text", {}], ids=repr)
def test_get_takes_a_ref_or_a_list_of_refs_only(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"get\(\) takes an ObjectRef or a list of them, not"):
        aktis.get(wrong)  # type: ignore[call-overload]


def test_get_refuses_a_list_that_holds_something_else() -> None:
    with pytest.raises(TypeError, match="int"):
        aktis.get([aktis.put(1), 2])  # type: ignore[arg-type]


def test_get_refuses_a_tuple_of_refs() -> None:
    with pytest.raises(ValueError):
        aktis.get((aktis.put(1),))


def test_get_with_timeout_zero_polls(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    with pytest.raises(GetTimeoutError):
        aktis.get(ref, timeout=0)
    gate.open()
    assert aktis.get(ref) is True
    assert aktis.get(ref, timeout=0) is True


def test_a_get_that_times_out_raises_an_error_that_is_a_timeout_error(gate: Gate) -> None:
    ref = pass_gate.remote(gate)
    before = time.monotonic()

    with pytest.raises(TimeoutError) as caught:
        aktis.get([ref], timeout=0.2)
    assert isinstance(caught.value, GetTimeoutError)
    assert isinstance(caught.value, AktisError)
    assert 0.2 <= time.monotonic() - before < 5
    gate.open()


def test_a_get_that_times_out_names_the_call_and_how_far_it_is(gate: Gate) -> None:
    runs = pass_gate.remote(gate)
    follows = follow.remote(runs)
    is_too_many = pass_gate.options(num_cpus=4).remote(gate)

    told = [reason_of_timeout(ref) for ref in (runs, follows, is_too_many)]

    assert "waited 0.2 s, but 1 of 1 objects are not here" in told[0]
    assert "pass_gate(), which runs, or waits for its turn, in worker" in told[0]
    assert "follow(), which waits for an argument" in told[1]
    assert "pass_gate(), which waits for a worker with {CPU: 4}" in told[2]
    gate.open()


def test_a_task_goes_on_after_a_get_timed_out(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    with pytest.raises(GetTimeoutError):
        aktis.get(ref, timeout=0.05)
    gate.open()
    assert aktis.get(ref) is True


def test_get_raises_the_first_error_without_waiting_for_the_rest(gate: Gate) -> None:
    @aktis.remote
    def fail() -> None:
        raise ValueError("at once")

    waiting, failing = pass_gate.remote(gate), fail.remote()

    with pytest.raises(ValueError, match="at once"):
        aktis.get([waiting, failing], timeout=20)
    gate.open()


def test_get_raises_the_same_error_each_time() -> None:
    @aktis.remote
    def fail() -> None:
        raise ValueError("again")

    ref = fail.remote()

    for _ in range(2):
        with pytest.raises(ValueError, match="again"):
            aktis.get(ref)


def test_many_threads_may_get_one_object(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = [pool.submit(aktis.get, ref) for _ in range(8)]
        gate.open()
        assert [result.result() for result in results] == [True] * 8


def test_put_refuses_a_ref() -> None:
    with pytest.raises(TypeError):
        aktis.put(aktis.put(1))


def test_put_cannot_choose_another_owner() -> None:
    with pytest.raises(ValueError):
        aktis.put(1, _owner=object())


def test_a_value_is_copied_when_it_is_put() -> None:
    values = [1, 2]
    ref = aktis.put(values)
    values.append(3)

    assert aktis.get(ref) == [1, 2]


def test_a_change_to_a_value_from_get_does_not_change_the_object() -> None:
    ref = aktis.put([1, 2])
    aktis.get(ref).append(3)

    assert aktis.get(ref) == [1, 2]


def test_each_put_makes_another_object() -> None:
    assert aktis.put(1) != aktis.put(1)


def test_a_ref_is_equal_to_its_copies_and_hashable() -> None:
    ref = aktis.put(1)
    copy = aktis.get(aktis.put([ref]))[0]

    assert copy == ref
    assert hash(copy) == hash(ref)
    assert {ref: "found"}[copy] == "found"


def test_a_ref_shows_its_id_in_bytes_and_in_hexadecimal() -> None:
    ref = aktis.put(1)

    assert len(ref.binary()) == 28
    assert ref.hex() == ref.binary().hex()
    assert ref.hex() in repr(ref)
    assert not ref.is_nil()


def test_a_ref_names_its_task_and_its_job() -> None:
    first, second = pair.remote()

    assert first.task_id() == second.task_id()
    assert first != second
    assert first.job_id().hex() == aktis.get_runtime_context().get_job_id()


def test_a_ref_of_an_id_nobody_knows_cannot_be_got() -> None:
    stranger: aktis.ObjectRef[Any] = aktis.ObjectRef(bytes(range(28)))

    with pytest.raises(ValueError, match="nobody knows who owns"):
        aktis.get(stranger)


def test_a_future_of_a_ref_gives_its_value(gate: Gate) -> None:
    future = pass_gate.remote(gate).future()

    assert isinstance(future, concurrent.futures.Future)
    assert not future.done()
    gate.open()
    assert future.result(timeout=30) is True


def test_a_future_of_a_ref_gives_its_error() -> None:
    @aktis.remote
    def fail() -> None:
        raise KeyError("future")

    assert isinstance(fail.remote().future().exception(timeout=30), KeyError)


def test_cancelling_a_future_does_not_cancel_the_task(gate: Gate) -> None:
    ref = pass_gate.remote(gate)

    assert ref.future().cancel()
    gate.open()
    assert aktis.get(ref) is True


def test_a_ref_can_be_awaited() -> None:
    async def gather() -> list[Any]:
        return await asyncio.gather(*[identity.remote(value) for value in range(10)])

    assert asyncio.run(gather()) == list(range(10))


def test_awaiting_a_failed_task_raises_its_error() -> None:
    @aktis.remote
    def fail() -> None:
        raise KeyError("awaited")

    async def wait() -> None:
        await fail.remote()

    with pytest.raises(KeyError, match="awaited"):
        asyncio.run(wait())


def test_refs_work_in_asyncio_wait(gate: Gate) -> None:
    async def race() -> tuple[int, int]:
        refs = [identity.remote(1), pass_gate.remote(gate)]
        tasks = [asyncio.ensure_future(wrap(ref)) for ref in refs]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        gate.open()
        await asyncio.gather(*waiting)
        return len(done), len(waiting)

    async def wrap(ref: aktis.ObjectRef[Any]) -> Any:
        return await ref

    assert asyncio.run(race()) == (1, 1)


def test_a_callback_is_given_the_value_once_the_object_is_there(gate: Gate) -> None:
    seen: list[object] = []
    arrived = threading.Event()

    def note(value: object) -> None:
        seen.append(value)
        arrived.set()

    pass_gate.remote(gate)._on_completed(note)

    assert seen == []
    gate.open()
    assert arrived.wait(30)
    assert seen == [True]


def test_a_large_array_is_read_only_and_not_copied() -> None:
    ref = aktis.put(np.arange(1_000_000))
    first, second = aktis.get(ref), aktis.get(ref)

    assert not first.flags.writeable
    assert first.__array_interface__["data"][0] == second.__array_interface__["data"][0]
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_a_task_reads_a_large_argument_without_a_copy_and_cannot_change_it() -> None:
    @aktis.remote
    def try_to_write(array: np.ndarray) -> str:
        try:
            array[0] = 1
        except ValueError as error:
            return str(error)
        return "written"

    assert "read-only" in aktis.get(try_to_write.remote(aktis.put(np.zeros(1_000_000))))


def test_a_view_keeps_its_memory_after_the_last_ref_is_gone() -> None:
    ref = aktis.put(np.full(1_000_000, 7))
    view = aktis.get(ref)
    del ref
    gc.collect()
    fillers = [aktis.put(np.full(1_000_000, index)) for index in range(12)]

    assert (view == 7).all()
    assert [int(aktis.get(filler)[-1]) for filler in fillers] == list(range(12))


def test_memory_of_objects_without_refs_is_used_again() -> None:
    total = 0
    for index in range(30):
        array = aktis.get(aktis.put(np.full(2_500_000, index)))
        total += int(array[-1])

    assert total == sum(range(30))


def test_a_ref_inside_an_object_keeps_the_inner_object() -> None:
    outer = aktis.put([aktis.put(np.full(500_000, 3))])
    gc.collect()

    assert int(aktis.get(aktis.get(outer)[0])[-1]) == 3


def test_an_object_may_hold_thousands_of_refs() -> None:
    refs = [aktis.put(value) for value in range(2000)]

    assert aktis.get(aktis.get(aktis.put(refs))) == list(range(2000))


def test_a_ref_given_to_a_task_works_after_the_caller_dropped_it(gate: Gate) -> None:
    @aktis.remote
    def read_later(box: list[aktis.ObjectRef[Any]]) -> Any:
        gate.wait()
        return aktis.get(box[0])

    ref = aktis.put("kept")
    result = read_later.remote([ref])
    del ref
    gc.collect()
    gate.open()

    assert aktis.get(result) == "kept"


def test_a_ref_stored_in_an_actor_keeps_the_object() -> None:
    @aktis.remote
    class Keeper:
        def keep(self, box: list[aktis.ObjectRef[Any]]) -> None:
            self.box = box

        def read(self) -> Any:
            return aktis.get(self.box[0])

    keeper = Keeper.remote()
    aktis.get(keeper.keep.remote([aktis.put(np.ones(500_000))]))
    gc.collect()

    assert float(aktis.get(keeper.read.remote()).sum()) == 500_000


def test_a_ref_in_a_closure_works_in_the_task() -> None:
    ref = aktis.put("captured")

    @aktis.remote
    def read() -> Any:
        return aktis.get(ref)

    assert aktis.get(read.remote()) == "captured"


def test_a_ref_pickled_by_hand_works_elsewhere() -> None:
    @aktis.remote
    def read(data: bytes) -> Any:
        return aktis.get(aktis.cloudpickle.loads(data))

    data = aktis.cloudpickle.dumps(aktis.put("by hand"))
    gc.collect()

    assert aktis.get(read.remote(data)) == "by hand"


def test_put_inside_a_task_gives_a_ref_the_caller_can_read() -> None:
    @aktis.remote
    def put() -> list[aktis.ObjectRef[Any]]:
        return [aktis.put("inner")]

    assert aktis.get(aktis.get(put.remote())[0]) == "inner"


def test_the_place_and_size_of_an_object_can_be_asked_for() -> None:
    ref = aktis.put(np.zeros(1_000_000))

    place = aktis.experimental.get_object_locations([ref])[ref]

    assert place["node_ids"] == [aktis.get_runtime_context().get_node_id()]
    assert 8_000_000 <= place["object_size"] < 8_100_000


def test_an_object_that_is_not_there_lies_nowhere(gate: Gate) -> None:
    @aktis.remote
    def late() -> bytes:
        gate.wait()
        return b"late"

    ref = late.remote()
    places = aktis.experimental.get_object_locations([ref], timeout_ms=0)
    gate.open()

    assert places == {ref: {"node_ids": [], "object_size": None, "did_spill": False}}


@aktis.remote
def identity(value: Any) -> Any:
    return value


@aktis.remote(num_returns=2)
def pair() -> tuple[int, int]:
    return 1, 2


@aktis.remote
def follow(first: object) -> object:
    return first


def reason_of_timeout(ref: aktis.ObjectRef[Any]) -> str:
    with pytest.raises(GetTimeoutError) as caught:
        aktis.get(ref, timeout=0.2)
    return str(caught.value)


@aktis.remote(num_cpus=0.5)
def pass_gate(gate: Gate) -> bool:
    gate.wait()
    return True
