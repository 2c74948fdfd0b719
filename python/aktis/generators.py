"""Streams of refs: what a call of a generator gives, one ref for each item, as soon as it is there.

Owns their types for checkers. Does not own what they do (`aktis._kernel.streams`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

__all__ = ["DynamicObjectRefGenerator", "ObjectRefGenerator"]

T_co = TypeVar("T_co", covariant=True)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from aktis.types import ObjectRef

    class ObjectRefGenerator(Generic[T_co]):
        """Iterates over refs to what a task yields, with `for` or `async for`."""

        def __iter__(self) -> Self: ...
        def __next__(self) -> ObjectRef[T_co]: ...
        def __aiter__(self) -> Self: ...
        async def __anext__(self) -> ObjectRef[T_co]: ...

        def completed(self) -> ObjectRef[Any]:
            """A ref to the whole: there once the task ended, and an error if it failed."""

        def next_ready(self) -> bool:
            """Whether the next item, or the end, is there."""

        def is_finished(self) -> bool:
            """Whether all items were taken and the task ended."""

    class DynamicObjectRefGenerator:
        """Refs to all items of a task that has ended."""

        def __iter__(self) -> Iterator[ObjectRef[Any]]: ...
        def __len__(self) -> int: ...

else:
    from aktis._kernel.streams import DynamicObjectRefGenerator, ObjectRefGenerator
