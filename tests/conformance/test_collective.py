"""Groups of actors and tasks that reduce, gather and exchange arrays.

Owns what `aktis.util.collective` promises while all members live. Does not own what happens when
one dies (`tests/faults`), nor the meeting without processes (`tests/unit/face/test_gathering.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.exceptions import ActorDiedError
from aktis.util import collective as col
from aktis.util.collective.base_group import BaseGroup
from aktis.util.collective.types import Backend, CallsDifferError, GroupEndedError, ReduceOp

pytestmark = pytest.mark.usefixtures("session")

SHORT_MS = 300


class Group:
    """Actors that are a group, and what they do together."""

    def __init__(self, members: list[Any], name: str, timeout_ms: int = 30_000) -> None:
        self.name = name
        self.members = members
        aktis.get([self.join(rank, timeout_ms) for rank in range(len(members))])

    def join(self, rank: int, timeout_ms: int = 30_000) -> Any:
        return self.members[rank].call.remote(
            col.init_collective_group, len(self.members), rank, "gloo", self.name, timeout_ms
        )

    def run(self, function: Callable[[int], Any]) -> list[Any]:
        """What the function gives in each member, called with its rank."""
        return aktis.get(
            [member.call.remote(function, rank) for rank, member in enumerate(self.members)]
        )


@pytest.fixture(scope="module")
def idle() -> list[Any]:
    """Actors that are in no group: to make one takes longer than most tests."""
    return []


@pytest.fixture
def make_group(idle: list[Any]) -> Iterator[Callable[..., Group]]:
    """Makes groups of so many actors, each under a name of its own."""
    made: list[Group] = []

    def make(size: int, **options: Any) -> Group:
        members = [idle.pop() if idle else Member.remote() for _ in range(size)]
        made.append(Group(members, f"group {next(_numbers)}", **options))
        return made[-1]

    yield make
    for group in made:
        idle.extend(member for member in group.members if left(member, group.name))


def left(member: Any, name: str) -> bool:
    """Has an actor leave its group; whether it lives."""
    try:
        aktis.get(member.call.remote(col.destroy_collective_group, name))
    except ActorDiedError:
        return False
    return True


_numbers = itertools.count()


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


def test_an_actor_is_in_several_groups(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def reduced(rank: int) -> Any:
        tensors = [np.ones(2), np.ones(2)]
        names = [f"{group.name} {letter}" for letter in "ab"]
        for name, other_rank in zip(names, (rank, 1 - rank), strict=True):
            col.init_collective_group(2, other_rank, "gloo", name)
        ranks = [col.get_rank(name) for name in names]
        for tensor, name in zip(tensors, names, strict=True):
            col.allreduce(tensor, name)
        for name in names:
            col.destroy_collective_group(name)
        return ranks, [tensor.tolist() for tensor in tensors]

    twice = [[2.0, 2.0], [2.0, 2.0]]
    assert group.run(reduced) == [([0, 1], twice), ([1, 0], twice)]


def test_tasks_are_members_too() -> None:
    @aktis.remote(num_cpus=1)
    def reduced(rank: int) -> Any:
        col.init_collective_group(2, rank, "gloo", "tasks")
        tensor = np.ones(2)
        col.allreduce(tensor, "tasks")
        col.destroy_collective_group("tasks")
        return tensor.tolist()

    assert aktis.get([reduced.remote(0), reduced.remote(1)]) == [[2.0, 2.0]] * 2


def test_a_member_knows_its_rank_and_the_size(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def told(_rank: int) -> Any:
        handle = col.get_group_handle(group.name)
        here = (col.get_rank(group.name), col.get_collective_group_size(group.name))
        return here, (handle.rank, handle.world_size, handle.group_name)

    assert group.run(told) == [((rank, 2), (rank, 2, group.name)) for rank in range(2)]


def test_a_stranger_is_told_that_it_is_in_no_group() -> None:
    assert not col.is_group_initialized("nobody")
    assert (col.get_rank("nobody"), col.get_collective_group_size("nobody")) == (-1, -1)
    col.destroy_collective_group("nobody")
    with pytest.raises(RuntimeError, match="in no group 'nobody'"):
        col.allreduce(np.ones(1), "nobody")


def test_a_group_can_be_made_again_under_its_name(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    def again(rank: int) -> Any:
        tensor = np.ones(1)
        for turn in range(20):
            col.allreduce(tensor, group.name)
            col.destroy_collective_group(group.name)
            col.init_collective_group(2, (rank + turn) % 2, "gloo", group.name)
        col.allreduce(tensor, group.name)
        return tensor.tolist()

    assert group.run(again) == [[2.0**21]] * 2


def test_the_actor_of_a_group_ends_with_it(make_group: Callable[..., Group], wait_for: Any) -> None:
    group = make_group(2)
    name = f"collective group {group.name}"
    assert name in aktis.util.list_named_actors()

    group.run(lambda _: col.destroy_collective_group(group.name))

    wait_for(lambda: name not in aktis.util.list_named_actors())


def test_the_actor_of_a_group_ends_when_its_members_are_gone(
    make_group: Callable[..., Group], wait_for: Any
) -> None:
    group = make_group(2)

    for member in group.members:
        aktis.kill(member)

    wait_for(lambda: f"collective group {group.name}" not in aktis.util.list_named_actors())


def test_a_process_cannot_join_a_group_twice(make_group: Callable[..., Group]) -> None:
    group = make_group(1)

    with pytest.raises(RuntimeError, match="already"):
        aktis.get(group.join(0))


def test_a_rank_belongs_to_one_process(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    with pytest.raises(RuntimeError, match="another process"):
        col.init_collective_group(2, 0, "gloo", group.name)
    assert not col.is_group_initialized(group.name)


def test_members_must_agree_on_the_size(make_group: Callable[..., Group]) -> None:
    group = make_group(2)

    with pytest.raises(ValueError, match="world_size=3"):
        col.init_collective_group(3, 2, "gloo", group.name)


@pytest.mark.parametrize(
    ("world_size", "rank", "name", "timeout_ms"),
    [(0, 0, "g", 1), (2, 2, "g", 1), (2, -1, "g", 1), (2, 0, "", 1), (2, 0, "g", 0)],
)
def test_a_membership_that_makes_no_sense_is_refused(
    world_size: int, rank: int, name: str, timeout_ms: int
) -> None:
    with pytest.raises(ValueError, match=r"make no sense|not empty|more than 0"):
        col.init_collective_group(world_size, rank, "gloo", name, timeout_ms)


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


def test_who_waits_too_long_is_told_who_did_not_come(make_group: Callable[..., Group]) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    with pytest.raises(TimeoutError, match=r"rank 0 .* waited 0\.3 s in barrier\(\) for rank 1"):
        aktis.get(group.members[0].call.remote(col.barrier, group.name))
    with pytest.raises(GroupEndedError, match="rank 0 waited"):
        aktis.get(group.members[1].call.remote(col.barrier, group.name))


def test_who_waits_for_a_stranger_is_told_that_it_did_not_join() -> None:
    member: Any = Member.remote()
    aktis.get(member.call.remote(col.init_collective_group, 3, 1, "gloo", "alone", SHORT_MS))

    with pytest.raises(TimeoutError, match=r"for ranks 0, 2; ranks 0, 2 did not join the group"):
        aktis.get(member.call.remote(col.barrier, "alone"))


def test_who_receives_nothing_is_told(make_group: Callable[..., Group]) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    def receive() -> None:
        col.recv(np.ones(1), 1, group.name)

    with pytest.raises(TimeoutError, match="rank 1 sent nothing"):
        aktis.get(group.members[0].call.remote(receive))


def test_a_sender_waits_for_a_receiver_that_lags_behind(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2, timeout_ms=SHORT_MS)

    def flood() -> None:
        for _ in range(100):
            col.send(np.ones(1), 1, group.name)

    with pytest.raises(TimeoutError, match="64 letters"):
        aktis.get(group.members[0].call.remote(flood))


def test_a_member_that_leaves_ends_the_group_for_those_that_wait(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)
    waits = group.members[0].call.remote(col.barrier, group.name)

    aktis.get(group.members[1].call.remote(col.destroy_collective_group, group.name))

    with pytest.raises(GroupEndedError, match="rank 1 has left it"):
        aktis.get(waits)


def test_an_earlier_group_must_be_destroyed_by_all_before_the_next(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)
    aktis.get(group.members[0].call.remote(col.destroy_collective_group, group.name))
    newcomer: Any = Member.remote()
    args = (col.init_collective_group, 2, 0, "gloo", group.name)

    with pytest.raises(TimeoutError, match=r"its ranks \[1\] have not destroyed it"):
        aktis.get(newcomer.call.remote(*args, SHORT_MS))
    waits = newcomer.call.remote(*args)
    aktis.get(group.members[1].call.remote(col.destroy_collective_group, group.name))
    aktis.get(waits)
    assert aktis.get(newcomer.call.remote(col.get_rank, group.name)) == 0


def test_a_member_whose_operation_breaks_off_leaves_the_group(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def broken_off(rank: int) -> str:
        with pytest.raises(TypeError):
            col.allreduce(np.array([[1, "a"][rank]], object), group.name)
        with pytest.raises(GroupEndedError) as raised:
            col.barrier(group.name)
        return str(raised.value)

    assert group.run(broken_off) == [
        f"rank {rank} has left the group {group.name!r}" for rank in range(2)
    ]


def test_what_was_sent_arrives_even_if_its_sender_has_left(
    make_group: Callable[..., Group],
) -> None:
    group = make_group(2)

    def send_and_leave() -> None:
        col.send(np.full(3, 7), 1, group.name)
        col.destroy_collective_group(group.name)

    def received() -> Any:
        tensor = np.zeros(3, int)
        col.recv(tensor, 0, group.name)
        return tensor.tolist()

    aktis.get(group.members[0].call.remote(send_and_leave))

    assert aktis.get(group.members[1].call.remote(received)) == [7, 7, 7]
    with pytest.raises(GroupEndedError, match="rank 0 has left it"):
        aktis.get(group.members[1].call.remote(received))


def test_the_driver_makes_actors_a_group_and_ends_it() -> None:
    members: list[Any] = [Member.remote() for _ in range(2)]

    for _ in range(2):
        col.create_collective_group(members, 2, [1, 0], "gloo", "made")
        ranks = [member.call.remote(col.get_rank, "made") for member in members]
        assert aktis.get(ranks) == [1, 0]
        col.destroy_collective_group("made")
        inside = [member.call.remote(col.is_group_initialized, "made") for member in members]
        assert aktis.get(inside) == [False, False]


def test_a_group_of_actors_that_makes_no_sense_is_refused() -> None:
    member: Any = Member.remote()

    for actors, size, ranks in ([member], 2, [0]), ([member], 1, [1]), ([member] * 2, 2, [0, 0]):
        with pytest.raises(RuntimeError, match="a rank of its own"):
            col.create_collective_group(actors, size, ranks, "gloo", "odd")


def test_a_group_that_could_not_be_made_leaves_nothing() -> None:
    members: list[Any] = [Member.remote() for _ in range(2)]
    aktis.get(members[1].call.remote(col.init_collective_group, 1, 0, "gloo", "taken"))

    with pytest.raises(RuntimeError, match="in a group 'taken' already"):
        col.create_collective_group(members, 2, [0, 1], "gloo", "taken")

    assert not aktis.get(members[0].call.remote(col.is_group_initialized, "taken"))
    col.create_collective_group(members, 2, [0, 1], "gloo", "taken")
    col.destroy_collective_group("taken")


def test_the_backend_for_arrays_in_memory_is_there_and_that_for_devices_not() -> None:
    assert col.gloo_available()
    assert not col.nccl_available()
    assert [col.is_backend_available(name) for name in ("gloo", "NCCL", "tin")] == [
        True,
        False,
        False,
    ]


def test_names_of_backends_are_strings_in_capitals() -> None:
    assert [Backend("gloo"), Backend("Torch_Gloo"), Backend("nccl")] == ["GLOO", "GLOO", "NCCL"]
    with pytest.raises(ValueError, match="'tin'"):
        Backend("tin")


def test_what_needs_devices_says_so() -> None:
    with pytest.raises(NotImplementedError, match="nccl"):
        col.init_collective_group(1, 0)
    for function in (
        col.allreduce_multigpu,
        col.reduce_multigpu,
        col.broadcast_multigpu,
        col.allgather_multigpu,
        col.reducescatter_multigpu,
        col.send_multigpu,
        col.recv_multigpu,
    ):
        with pytest.raises(NotImplementedError, match=r"one tensor in memory"):
            function([np.ones(1)])


def test_a_program_adds_a_backend_of_its_own() -> None:
    col.register_collective_backend("alone", Alone)
    col.init_collective_group(1, 0, "alone", "own backend")
    tensor = np.ones(2)

    col.allreduce(tensor, "own backend", ReduceOp.MAX)

    assert tensor.tolist() == [3.0, 3.0]
    assert Backend("Alone") == "ALONE"
    col.destroy_collective_group("own backend")
    with pytest.raises(ValueError, match="already"):
        col.register_collective_backend("ALONE", Alone)
    with pytest.raises(TypeError, match="BaseGroup"):
        col.register_collective_backend("other", int)  # type: ignore[arg-type]


@aktis.remote(num_cpus=0)
class Member:
    """Does what it is told."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


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


class Alone(BaseGroup):
    """A group of one, whose operations are the value of the reduction."""

    @classmethod
    def check_backend_availability(cls) -> bool:
        return True

    def allreduce(self, tensor: list[Any], allreduce_options: Any) -> None:
        tensor[0][:] = allreduce_options.reduceOp.value

    def barrier(self, barrier_options: Any) -> None: ...

    def reduce(self, tensor: list[Any], reduce_options: Any) -> None: ...

    def allgather(self, tensor_list: Any, tensor: Any, allgather_options: Any) -> None: ...

    def broadcast(self, tensor: list[Any], broadcast_options: Any) -> None: ...

    def reducescatter(self, tensor: Any, tensor_list: Any, reducescatter_options: Any) -> None: ...

    def send(self, tensor: list[Any], send_options: Any) -> None: ...

    def recv(self, tensor: list[Any], recv_options: Any) -> None: ...
