"""What guides of Ray use although it is not public: freeing objects by name.

Owns what may be given. Does not own where objects lie (`aktis._kernel.objects`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis._kernel import objects
from aktis.types import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Sequence


def free(
    object_refs: ObjectRef[Any] | Sequence[ObjectRef[Any]],
    local_only: bool = False,  # noqa: ARG001, FBT001, FBT002 - Ray's signature
) -> None:
    """Gives the shared memory of objects back, and their place on disk, though refs to them exist.

    From then on, whoever reads one gets an error, and so does a task whose argument it is. Who has
    read one keeps what was read. A small value takes no shared memory and stays with its refs, and
    an object that is not made yet will be made.

    Args:
        object_refs: Refs of the objects, or one.
        local_only: Without effect: there is one node.

    Raises:
        TypeError: something else is given.
    """
    given = [object_refs] if isinstance(object_refs, ObjectRef) else list(object_refs)
    for ref in given:
        if not isinstance(ref, ObjectRef):
            message = f"free() takes an ObjectRef or a list of them, not {ref!r}"
            raise TypeError(message)
    objects.free(given)
