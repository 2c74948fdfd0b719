"""Items of many inputs, dealt out anew to many outputs.

Owns one shuffle of two steps: a task for each input deals its items out, and a task for each output
takes what all of them dealt to it. Between the steps the items lie in the object store.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import aktis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from aktis.types import ObjectRef


class ObjectStoreWriter:
    """Takes the items that one input has for one output: each is an object of its own.

    For small items, derive from it and put several into one object.
    """

    def __init__(self) -> None:
        self.results: list[Any] = []

    def add(self, item: Any) -> None:
        """Takes an item."""
        self.results.append(aktis.put(item))

    def finish(self) -> list[Any]:
        """What the output gets: refs to the items."""
        return self.results


class ObjectStoreWriterNonStreaming(ObjectStoreWriter):
    """Takes the items as they are: all of one input for one output are one object."""

    def add(self, item: Any) -> None:
        """Takes an item."""
        self.results.append(item)


def round_robin_partitioner(
    input_stream: Iterable[Any], num_partitions: int
) -> Iterator[tuple[int, Any]]:
    """Yields each item with the output it goes to, which is the next one in turn."""
    return zip(itertools.cycle(range(num_partitions)), input_stream, strict=False)


def simple_shuffle(
    *,
    input_reader: Callable[[int], Iterable[Any]],
    input_num_partitions: int,
    output_num_partitions: int,
    output_writer: Callable[[int, list[Any]], Any],
    partitioner: Callable[
        [Iterable[Any], int], Iterable[tuple[int, Any]]
    ] = round_robin_partitioner,
    object_store_writer: Callable[[], ObjectStoreWriter] = ObjectStoreWriter,
) -> list[Any]:
    """Deals the items of all inputs out to outputs, and returns what each output came to.

    Args:
        input_reader: Gives the items of an input, by its number.
        input_num_partitions: How many inputs there are.
        output_num_partitions: How many outputs there are.
        output_writer: Takes the number of an output and all that is for it, by input: refs to items
            or the items themselves, as `object_store_writer` has them. Its value is the result.
        partitioner: Yields each item with the number of the output that it is for.
        object_store_writer: Takes the items of one input for one output.
    """

    def deal(index: int) -> Any:
        writers = [object_store_writer() for _ in range(output_num_partitions)]
        for output, item in partitioner(input_reader(index), output_num_partitions):
            writers[output].add(item)
        dealt = [writer.finish() for writer in writers]
        return dealt if output_num_partitions > 1 else dealt[0]

    def collect(index: int, *dealt: list[Any]) -> Any:
        return output_writer(index, list(itertools.chain.from_iterable(dealt)))

    deal_task: Any = aktis.remote(num_returns=output_num_partitions)(deal)
    collect_task: Any = aktis.remote(collect)
    rows = [_as_list(deal_task.remote(index)) for index in range(input_num_partitions)]
    outputs = [
        collect_task.remote(index, *[row[index] for row in rows])
        for index in range(output_num_partitions)
    ]
    return aktis.get(outputs)


def _as_list(refs: ObjectRef[Any] | list[ObjectRef[Any]]) -> list[ObjectRef[Any]]:
    """The refs of a call, of which there is one, or several in a list."""
    return refs if isinstance(refs, list) else [refs]
