"""Where objects lie, and how large they are.

Owns the public form. Does not own objects (`aktis._kernel.objects`); this version has one machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aktis._kernel import objects, session
from aktis.types import ObjectRef

# How long objects that others own may take to be found, unless the caller says.
PATIENCE_S = 0.1


def get_object_locations(
    obj_refs: Sequence[ObjectRef[Any]],
    timeout_ms: int = -1,
) -> dict[ObjectRef[Any], dict[str, Any]]:
    """Tells by ref where an object lies and how large it is.

    Each is told with the keys `node_ids`, in hexadecimal, `object_size` in bytes, which is None
    while there is no value or if there will be none, and `did_spill`, which is always False: what
    lies on disk is known to its node alone. An object of up to 100 KiB lies with its owner, and on
    no node.

    Args:
        obj_refs: Refs of the objects.
        timeout_ms: How long to look for them at most; -1 for a moment.

    Raises:
        RuntimeError: There is no session.
        TypeError: Something in the list is no ref.
    """
    refs = _checked(obj_refs, "get_object_locations")
    distinct: list[objects.Waitable] = list(dict.fromkeys(refs))
    if distinct:
        patience_s = PATIENCE_S if timeout_ms < 0 else timeout_ms / 1000
        objects.wait(distinct, len(distinct), patience_s, fetch_local=False)
    return _known(refs)


def get_local_object_locations(
    obj_refs: Sequence[ObjectRef[Any]],
) -> dict[ObjectRef[Any], dict[str, Any]]:
    """Tells the same at once, as far as this process knows.

    Args:
        obj_refs: Refs of the objects.

    Raises:
        RuntimeError: There is no session.
        TypeError: Something in the list is no ref.
    """
    return _known(_checked(obj_refs, "get_local_object_locations"))


def _checked(refs: Any, what: str) -> Sequence[ObjectRef[Any]]:
    if session.current() is None:
        message = f"{what}() needs a session; call aktis.init() first"
        raise RuntimeError(message)
    if not isinstance(refs, Sequence) or not all(isinstance(ref, ObjectRef) for ref in refs):
        message = f"{what}() takes a list of ObjectRef, not {refs!r}"
        raise TypeError(message)
    return refs


def _known(refs: Sequence[ObjectRef[Any]]) -> dict[ObjectRef[Any], dict[str, Any]]:
    return {ref: _described(objects.place(ref)) for ref in refs}


def _described(place: tuple[int, bytes | None] | None) -> dict[str, Any]:
    size, node = (None, None) if place is None else place
    return {
        "node_ids": [] if node is None else [node.hex()],
        "object_size": size,
        "did_spill": False,
    }
