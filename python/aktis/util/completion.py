"""Results as they come: of refs that are there already, and of a function over many items.

Owns the order in which results are taken. Does not own refs nor tasks.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import aktis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aktis.types import ObjectRef


def as_completed(
    refs: Sequence[ObjectRef[Any]],
    *,
    chunk_size: int = 10,
    yield_obj_refs: bool = False,
    **wait_options: Any,
) -> Iterator[Any]:
    """Yields the values of refs as they come; a failed one raises in its turn.

    Args:
        refs: Each once.
        chunk_size: How many are taken at once, at most; the first does not wait for others.
        yield_obj_refs: Whether to yield the refs and not their values.
        **wait_options: What else `aktis.wait` takes: a `timeout` for each next one, after which
            it raises `GetTimeoutError`.

    Raises:
        ValueError: `chunk_size` is not positive.
    """
    _check_positive("chunk_size", chunk_size)
    return _taken(
        list(refs), iter(()), chunk_size=chunk_size, as_refs=yield_obj_refs, options=wait_options
    )


def map_unordered(
    fn: Any,
    items: Iterable[Any],
    *,
    backpressure_size: int | None = 100,
    chunk_size: int = 10,
    yield_obj_refs: bool = False,
    **wait_options: Any,
) -> Iterator[Any]:
    """Calls a remote function with each item, and yields the results as they come.

    Args:
        fn: A remote function, or a method of an actor.
        items: Taken as results are, so there may be no end of them.
        backpressure_size: How many calls are under way at most; None is without limit.
        chunk_size: How many results are taken at once, at most.
        yield_obj_refs: Whether to yield refs and not values.
        **wait_options: As for `as_completed`.

    Raises:
        TypeError: `fn` is not remote.
        ValueError: an amount is not positive.
    """
    if not hasattr(fn, "remote"):
        message = f"fn must be a remote function, not {fn!r}; write aktis.remote(fn)"
        raise TypeError(message)
    _check_positive("chunk_size", chunk_size)
    if backpressure_size is not None:
        _check_positive("backpressure_size", backpressure_size)
    calls = (fn.remote(item) for item in items)
    first = list(itertools.islice(calls, backpressure_size))
    return _taken(first, calls, chunk_size=chunk_size, as_refs=yield_obj_refs, options=wait_options)


def _taken(
    pending: list[ObjectRef[Any]],
    more: Iterator[ObjectRef[Any]],
    *,
    chunk_size: int,
    as_refs: bool,
    options: dict[str, Any],
) -> Iterator[Any]:
    """Yields what comes, and takes one more for each that came."""
    while pending:
        ready, _ = aktis.wait(pending, **options)
        if not ready:
            message = f"no result was there within {options.get('timeout')} s"
            raise aktis.exceptions.GetTimeoutError(message)
        ready, pending = aktis.wait(
            pending, num_returns=min(chunk_size, len(pending)), **(options | {"timeout": 0})
        )
        pending.extend(itertools.islice(more, len(ready)))
        for ref in ready:
            yield ref if as_refs else aktis.get(ref)


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        message = f"{name} must be 1 or more, not {value}"
        raise ValueError(message)
