"""What Ray calls experimental: where objects lie.

Owns the public form. Does not own objects (`aktis._kernel.objects`); this version has one machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis._kernel import objects, session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.types import ObjectRef

# How long objects that others own may take to be found, unless the caller says.
PATIENCE_S = 0.1


def get_object_locations(
    obj_refs: Sequence[ObjectRef[Any]],
    timeout_ms: int = -1,
) -> dict[ObjectRef[Any], dict[str, Any]]:
    """Tells by ref where an object lies and how large it is; one that is not there lies nowhere.

    Args:
        obj_refs: Refs of the objects.
        timeout_ms: How long to look for them at most; -1 for a moment.
    """
    refs: list[objects.Waitable] = list(obj_refs)
    if not refs:
        return {}
    patience_s = PATIENCE_S if timeout_ms < 0 else timeout_ms / 1000
    found, missing = objects.wait(refs, len(refs), patience_s, fetch_local=False)
    here = session.require().node_id.hex()
    sizes = {ref: objects.size(ref) for ref in found} | dict.fromkeys(missing)
    return {
        ref: {
            "node_ids": [] if sizes[ref] is None else [here],
            "object_size": sizes[ref],
            "did_spill": False,
        }
        for ref in obj_refs
    }
