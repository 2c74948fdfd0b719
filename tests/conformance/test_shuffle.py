"""Items of many inputs, dealt out anew to many outputs.

Owns `aktis.experimental.shuffle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

import aktis
from aktis.experimental.shuffle import (
    ObjectStoreWriter,
    ObjectStoreWriterNonStreaming,
    round_robin_partitioner,
    simple_shuffle,
)

pytestmark = pytest.mark.usefixtures("session")


def test_each_output_gets_what_all_inputs_have_for_it() -> None:
    found = simple_shuffle(
        input_reader=numbers,
        input_num_partitions=3,
        output_num_partitions=2,
        output_writer=lambda index, refs: (index, aktis.get(refs)),
    )

    assert found == [(0, [0, 2, 10, 12, 20, 22]), (1, [1, 3, 11, 13, 21, 23])]


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_program_says_where_an_item_goes_and_how_it_is_kept(outputs: int) -> None:
    found = simple_shuffle(
        input_reader=numbers,
        input_num_partitions=2,
        output_num_partitions=outputs,
        output_writer=lambda _, items: items,
        partitioner=by_last_digit,
        object_store_writer=ObjectStoreWriterNonStreaming,
    )

    assert sorted(item for part in found for item in part) == [0, 1, 2, 3, 10, 11, 12, 13]
    assert all(item % 10 % outputs == index for index, part in enumerate(found) for item in part)


def test_a_writer_puts_each_item_into_the_store() -> None:
    writer = ObjectStoreWriter()
    writer.add("a")
    writer.add("b")

    assert aktis.get(writer.finish()) == ["a", "b"]


def test_items_are_dealt_out_in_turn_unless_told_otherwise() -> None:
    assert list(round_robin_partitioner("abc", 2)) == [(0, "a"), (1, "b"), (0, "c")]


def numbers(index: int) -> Iterator[int]:
    return iter(range(index * 10, index * 10 + 4))


def by_last_digit(items: Iterable[Any], count: int) -> Iterator[tuple[int, Any]]:
    return ((item % 10 % count, item) for item in items)
