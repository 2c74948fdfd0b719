"""Stores, reads and awaits objects.

Owns what a list of refs and streams means to `wait`. Does not own checks of public arguments
(`aktis.refs`), nor the values' form (`aktis._kernel.serialize`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aktis import _core
from aktis._kernel import forms
from aktis._kernel.session import require
from aktis._kernel.streams import ObjectRefGenerator
from aktis.exceptions import GetTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

Waitable = _core.ObjectRef[Any] | ObjectRefGenerator


def put(value: object) -> _core.ObjectRef[Any]:
    """Stores a value; this process owns it. A small one stays here until its ref leaves."""
    return require().engine.put(value)


def get(refs: list[_core.ObjectRef[Any]], timeout: float | None) -> list[Any]:
    """The values of refs, in their order; raises as soon as one of them is known to have failed."""
    engine = require().engine
    try:
        return engine.get(refs, timeout)
    except GetTimeoutError as error:
        _tell_what_is_late(error, refs, timeout)
        raise


def get_one(ref: _core.ObjectRef[Any], timeout: float | None) -> Any:
    """The value of a ref."""
    engine = require().engine
    try:
        return engine.get_one(ref, timeout)
    except GetTimeoutError as error:
        _tell_what_is_late(error, [ref], timeout)
        raise


def place(ref: _core.ObjectRef[Any]) -> tuple[int, bytes | None] | None:
    """How many bytes the serialized value of a ref has, and the node where they lie.

    The node is None if they lie with the owner; all is None if no value is known here.
    """
    here = require()
    _, _, whereabouts = here.engine.object_facts(ref)
    match whereabouts:
        case {"Here": size}:
            return size, None
        case {"Shared": {"size": size, "node": node}}:
            return size, here.id_of_node(node)
        case _:
            return None


def wait(
    refs: list[Waitable],
    num_returns: int,
    timeout: float | None,
    fetch_local: bool,  # noqa: ARG001, FBT001 - one machine: what is anywhere is here
) -> tuple[list[Any], list[Any]]:
    """Splits refs into the ready ones, at most `num_returns`, and the others, in their order.

    Raises:
        TypeError: Something in the list is neither a ref nor a stream.
        ValueError: Something stands twice in it.
    """
    engine = require().engine
    try:
        return engine.wait(refs, num_returns, timeout)
    except TypeError:
        _check_waitables(refs)
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        ready = _ready(engine, refs, num_returns)
        left = None if deadline is None else deadline - time.monotonic()
        if len(ready) >= num_returns or (left is not None and left <= 0):
            break
        _wait_for_any(engine, refs, ready, left)
    return [item for item in refs if id(item) in ready], [
        item for item in refs if id(item) not in ready
    ]


def free(refs: list[_core.ObjectRef[Any]]) -> None:
    """Has objects in shared memory go, whoever has refs to them."""
    require().engine.free(refs)


def _tell_what_is_late(
    error: GetTimeoutError, refs: list[_core.ObjectRef[Any]], timeout: float | None
) -> None:
    """Has the error say what did not come in time. That of a task whose own `get` did stays."""
    late = [ref for ref in refs if ref.arrival() is None]
    if type(error) is GetTimeoutError and late:
        counts = f"{len(late)} of {len(refs)} objects are not here"
        error.args = (f"get() waited {timeout} s, but {counts}, {_first_of(late)}",)


def _first_of(late: list[_core.ObjectRef[Any]]) -> str:
    """What makes the first of some objects, and how far that is."""
    here = require()
    task, executor, _ = here.engine.object_facts(late[0])
    if task is None:
        return f"the first one is {late[0]}"
    called = task["called"]
    process = "" if executor is None else f", in worker {here.id_of_worker(**executor).hex()}"
    match task["stage"]:
        case "Waiting":
            how_far = "waits for an argument"
        case "Ready" if forms.kind(called["callee"]) == "Method":
            what = "calls before it" if process else "its actor, which is not there yet"
            how_far = f"waits for {what}"
        case "Ready":
            needed = forms.amounts(called["shape"]["resources"]).items()
            amounts = ", ".join(f"{name}: {amount:g}" for name, amount in needed)
            how_far = f"waits for a worker with {{{amounts}}}"
        case _:
            how_far = f"runs, or waits for its turn{process}"
    task_id = bytes(called["task"]).hex()
    return f"the first one from {task['name']}(), which {how_far} [task {task_id}]"


def _check_waitables(refs: list[Waitable]) -> None:
    for one in refs:
        if not isinstance(one, _core.ObjectRef | ObjectRefGenerator):
            message = f"wait() takes a list of ObjectRef, but it holds {one!r}"
            raise TypeError(message)
    if len(set(refs)) != len(refs):
        message = "wait() takes each ref once"
        raise ValueError(message)


def _ready(engine: _core.Engine, refs: Sequence[Waitable], count: int) -> set[int]:
    """The first of those that are ready, at most `count`, by identity."""
    plain = [item for item in refs if isinstance(item, _core.ObjectRef)]
    here = {id(item) for item in engine.wait(plain, len(plain), 0.0)[0]}
    ready: set[int] = set()
    for item in refs:
        is_ready = (
            item.is_next_ready() if isinstance(item, ObjectRefGenerator) else id(item) in here
        )
        if is_ready and len(ready) < count:
            ready.add(id(item))
    return ready


def _wait_for_any(
    engine: _core.Engine, refs: Sequence[Waitable], ready: set[int], timeout_s: float | None
) -> None:
    """Waits for one more to be ready."""
    waiting = [item for item in refs if id(item) not in ready]
    plain = [item for item in waiting if isinstance(item, _core.ObjectRef)]
    streams = [item.completed() for item in waiting if isinstance(item, ObjectRefGenerator)]
    engine.wait_any(plain, streams, timeout_s)
