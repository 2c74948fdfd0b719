"""What the members of a group do together: they reduce, gather and exchange arrays.

Owns what the operations of `aktis.util.collective` do to arrays, and which of them are refused.
Does not own how groups begin (`test_collective_membership.py`) and end (`test_collective_ends.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.util import collective as col
from aktis.util.collective.types import CallsDifferError, ReduceOp
from tests.conformance.collective_groups import Group, Member

pytestmark = pytest.mark.usefixtures("session")


@pytest.mark.parametrize(
    ("op", "expected"),
    [(ReduceOp.SUM, 6), (ReduceOp.PRODUCT, 6), (ReduceOp.MIN, 1), (ReduceOp.MAX, 3)],
)
def test_allreduce_leaves_the_same_in_all_members(
    make_group: Callable[..., Group], op: ReduceOp, expected: int
) -> None:
    group = make_group(3)

    def reduced(rank: int) -> Any:
        tensor = np.full(5, rank + 1)
        col.allreduce(tensor, group.name, op)
        return tensor.tolist()

    assert group.run(reduced) == [[expected] * 5] * 3


@pytest.mark.parametrize("size", [0, 1, 2, 7, 10_007, 2_500_009])
def test_allreduce_takes_arrays_of_any_length(make_group: Callable[..., Group], size: int) -> None:
    group = make_group(3)

    def is_right(rank: int) -> bool:
        tensor = np.arange(size, dtype=np.float64) * (rank + 1)
        col.allreduce(tensor, group.name)
        return bool(np.array_equal(tensor, np.arange(size, dtype=np.float64) * 6))

    assert group.run(is_right) == [True] * 3


def test_all_members_get_the_same_bits(make_group: Callable[..., Group]) -> None:
    group = make_group(3)

    def digests(rank: int) -> list[bytes]:
        noise = np.random.default_rng(rank)
        tensors = [noise.random(size) for size in (1_000, 100_000)]
        for tensor in tensors:
            col.allreduce(tensor, group.name)
        return [tensor.tobytes() for tensor in tensors]

    first, *others = group.run(digests)

    assert others == [first, first]


@pytest.mark.parametrize("members", [2, 3])
@pytest.mark.parametrize("size", [2, 50_000])
def test_tensors_reduce_in_the_order_of_ranks(
    make_group: Callable[..., Group], members: int, size: int
) -> None:
    group = make_group(members)

    def reduced(rank: int) -> tuple[set[str], set[str]]:
        own = np.full(size, "abc"[rank], object)
        everywhere, scattered, at_the_last = own.copy(), own.copy(), own.copy()
        col.allreduce(everywhere, group.name)
        col.reducescatter(scattered, [scattered] * members, group.name)
        col.reduce(at_the_last, members - 1, group.name)
        return {*everywhere, *scattered}, {*at_the_last}

    words = group.run(reduced)

    in_order = {"abc"[:members]}
    assert [everywhere for everywhere, _ in words] == [in_order] * members
    assert words[-1][1] == in_order


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint16", "int64", "float16", "float32", "complex128", ">f8", "m8[s]", "O"],
)
def test_allreduce_takes_every_type_whose_elements_add_up(
    make_group: Callable[..., Group], dtype: str
) -> None:
    group = make_group(2)

    def reduced(_rank: int) -> Any:
        small, large = np.ones(3, dtype), np.ones(30_000, dtype)
        col.allreduce(small, group.name)
        col.allreduce(large, group.name)
        return small, large

    two = np.ones(1, dtype) + np.ones(1, dtype)
    for small, large in group.run(reduced):
        assert small.dtype == large.dtype == np.dtype(dtype)
        assert (small == two).all()
        assert (large == two).all()


def test_a_type_that_does_not_reduce_to_itself_is_refused(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(1)

    with pytest.raises(TypeError, match="type <U1 have no SUM"):
        group.run(lambda _: col.allreduce(np.array(["a"]), group.name))
    with pytest.raises(TypeError, match=r"type datetime64\[s\] have no SUM"):
        group.run(lambda _: col.allreduce(np.array(["2026-01-01"], "M8[s]"), group.name))


def test_something_else_than_a_reduction_is_refused(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    with pytest.raises(TypeError, match=r"such as ReduceOp\.SUM, not 'sum'"):
        group.run(lambda _: col.allreduce(np.ones(1), group.name, "sum"))  # type: ignore[arg-type]


def test_allreduce_changes_views_and_arrays_without_dimensions_in_place(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def reduced(rank: int) -> Any:
        single = np.array(rank + 1.0)
        whole = np.zeros((300, 400))
        columns = whole[:, ::2]
        columns[:] = rank + 1
        transposed = np.full((2, 3), rank + 1).T
        for tensor in (single, columns, transposed):
            col.allreduce(tensor, group.name)
        return single.item(), float(columns.min()), float(whole[:, 1::2].max()), transposed.tolist()

    assert group.run(reduced) == [(3.0, 3.0, 0.0, [[3, 3]] * 3)] * 2


def test_an_array_that_is_read_only_is_refused(make_group: Callable[..., Group]) -> None:
    group = make_group(1)
    ref = aktis.put(np.ones(100_000))

    with pytest.raises(ValueError, match="read only"):
        group.run(lambda _: col.allreduce(aktis.get(ref), group.name))


def test_something_else_than_a_tensor_is_refused(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    with pytest.raises(TypeError, match="not list"):
        group.run(lambda _: col.allreduce([1, 2], group.name))


def test_a_tensor_that_gives_a_view_of_itself_is_changed_in_place(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def reduced(rank: int) -> Any:
        tensor = HostTensor(np.full(4, float(rank)))
        col.allreduce(tensor, group.name)
        return tensor.array.tolist()

    assert group.run(reduced) == [[1.0] * 4] * 2


def test_a_tensor_on_a_device_is_refused(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    with pytest.raises(NotImplementedError, match="'cuda'"):
        group.run(lambda _: col.allreduce(DeviceTensor(), group.name))


@pytest.mark.parametrize("size", [3, 100_000])
def test_reduce_changes_the_tensor_of_the_root_alone(
    make_group: Callable[..., Group], size: int
) -> None:
    group = make_group(3)

    def reduced(rank: int) -> set[float]:
        tensor = np.full(size, rank + 1.0)
        col.reduce(tensor, 1, group.name)
        return set(tensor.tolist())

    assert group.run(reduced) == [{1.0}, {6.0}, {3.0}]


@pytest.mark.parametrize("size", [3, 100_000, 5_000_000])
def test_broadcast_gives_all_what_the_root_has(make_group: Callable[..., Group], size: int) -> None:
    group = make_group(3)

    def is_right(rank: int) -> bool:
        tensor = np.arange(size) if rank == 2 else np.zeros(size, int)
        col.broadcast(tensor, 2, group.name)
        return bool(np.array_equal(tensor, np.arange(size)))

    assert group.run(is_right) == [True] * 3


def test_broadcast_takes_a_root_that_is_read_only(make_group: Callable[..., Group]) -> None:
    group = make_group(2)
    ref = aktis.put(np.ones(100_000))

    def sums(rank: int) -> float:
        tensor = aktis.get(ref) if rank == 0 else np.zeros(100_000)
        col.broadcast(tensor, 0, group.name)
        return float(tensor.sum())

    assert group.run(sums) == [100_000.0] * 2


@pytest.mark.parametrize("size", [1, 50_000, 2_500_000])
def test_allgather_puts_each_tensor_at_the_place_of_its_rank(
    make_group: Callable[..., Group], size: int
) -> None:
    group = make_group(3)

    def gathered(rank: int) -> list[set[int]]:
        outcomes = [np.zeros((size, 1), np.int64) for _ in range(3)]
        col.allgather(outcomes, np.full((size, 1), rank), group.name)
        return [set(outcome.ravel().tolist()) for outcome in outcomes]

    assert group.run(gathered) == [[{0}, {1}, {2}]] * 3


@pytest.mark.parametrize("size", [1, 50_000, 2_500_000])
def test_reducescatter_gives_each_member_what_its_place_reduces_to(
    make_group: Callable[..., Group], size: int
) -> None:
    group = make_group(3)

    def scattered(rank: int) -> set[float]:
        tensor = np.zeros(size)
        given = [np.full(size, (rank + 1.0) * 10**place) for place in range(3)]
        col.reducescatter(tensor, given, group.name)
        return set(tensor.tolist())

    assert group.run(scattered) == [{6.0}, {60.0}, {600.0}]


def test_reducescatter_may_reduce_into_one_of_its_sources(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def scattered(rank: int) -> Any:
        given = [np.full(3, rank + 1.0) for _ in range(2)]
        col.reducescatter(given[rank], given, group.name)
        return given[rank].tolist()

    assert group.run(scattered) == [[3.0] * 3] * 2


def test_a_list_takes_one_tensor_of_one_kind_for_each_member(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(1)

    with pytest.raises(ValueError, match="has 2 tensors"):
        group.run(lambda _: col.allgather([np.ones(1), np.ones(1)], np.ones(1), group.name))
    with pytest.raises(ValueError, match="tensor 0 of the list"):
        group.run(lambda _: col.allgather([np.ones(2)], np.ones(1), group.name))
    with pytest.raises(TypeError, match="must be a list"):
        group.run(lambda _: col.allgather(np.ones(2), np.ones(1), group.name))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [4, 300_000])
def test_what_is_sent_arrives_in_order(make_group: Callable[..., Group], size: int) -> None:
    group = make_group(2)

    def sent(rank: int) -> list[float]:
        if rank == 0:
            for value in range(5):
                col.send(np.full(size, float(value)), 1, group.name)
            return []
        tensor = np.zeros(size)
        came = []
        for _ in range(5):
            col.recv(tensor, 0, group.name)
            came.append(float(tensor[-1]))
        return came

    assert group.run(sent) == [[], [0.0, 1.0, 2.0, 3.0, 4.0]]


def test_members_may_send_before_anybody_receives(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def swapped(rank: int) -> Any:
        tensor = np.array([rank])
        col.send(tensor, 1 - rank, group.name)
        col.recv(tensor, 1 - rank, group.name)
        return tensor.tolist()

    assert group.run(swapped) == [[1], [0]]


def test_what_is_received_must_fit(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def sent(rank: int) -> None:
        if rank == 0:
            col.send(np.ones(3, np.float32), 1, group.name)
        else:
            col.recv(np.ones(3), 0, group.name)

    with pytest.raises(ValueError, match=r"of 3 float32.*of 3 float64"):
        group.run(sent)


def test_nobody_passes_a_barrier_before_all_are_there(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)
    early = group.members[0].call.remote(col.barrier, group.name)

    assert aktis.wait([early], timeout=0.1) == ([], [early])
    aktis.get([early, group.members[1].call.remote(col.barrier, group.name)])


def test_many_operations_follow_each_other(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def mixed(_rank: int) -> list[float]:
        tensor = np.ones(1)
        values = []
        for _ in range(20):
            col.allreduce(tensor, group.name)
            col.broadcast(tensor, 1, group.name)
            values.append(float(tensor[0]))
        return values

    assert group.run(mixed) == [[2.0**power for power in range(1, 21)]] * 2


def test_threads_of_a_member_take_turns() -> None:
    members: list[Any] = [Member.options(max_concurrency=4).remote() for _ in range(2)]
    col.create_collective_group(members, 2, [0, 1], "gloo", "threads")

    def reduced(size: int) -> float:
        tensor = np.ones(size)
        col.allreduce(tensor, "threads")
        return float(tensor.sum())

    calls = [member.call.remote(reduced, 100_000) for _ in range(8) for member in members]

    assert aktis.get(calls) == [200_000.0] * 16
    col.destroy_collective_group("threads")


def test_ranks_that_are_not_there_are_refused(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    for call in (col.broadcast, col.reduce, col.send, col.recv):
        with pytest.raises(ValueError, match="ranks 0 to 0, not 1"):
            group.run(lambda _, call=call: call(np.ones(1), 1, group.name))  # type: ignore[misc]
    for call in (col.send, col.recv):
        with pytest.raises(RuntimeError, match="this process itself"):
            group.run(lambda _, call=call: call(np.ones(1), 0, group.name))  # type: ignore[misc]


def test_members_that_call_different_things_are_told_and_stay_in_step(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def told(rank: int) -> Any:
        try:
            if rank == 0:
                col.allreduce(np.ones(2), group.name)
            else:
                col.barrier(group.name)
        except CallsDifferError as error:
            message = str(error)
        tensor = np.ones(1)
        col.allreduce(tensor, group.name)
        return message, tensor.tolist()

    sentence = (
        f"the members of the group {group.name!r} call different things: "
        f"rank 0 allreduce(SUM) of 2 float64, rank 1 barrier()"
    )
    assert group.run(told) == [(sentence, [2.0])] * 2


class HostTensor:
    """What torch's tensors have: a view of their memory, once they are detached."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def detach(self) -> HostTensor:
        return self

    def numpy(self) -> Any:
        return self.array


class Device:
    type = "cuda"


class DeviceTensor:
    device = Device()
