"""What guides of Ray use although it is not public: freeing objects by name.

Owns the name alone: this version frees an object when its last ref goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aktis.types import ObjectRef


def free(
    object_refs: ObjectRef[Any] | Sequence[ObjectRef[Any]],
    local_only: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
) -> NoReturn:
    """Raises: objects cannot be freed by name yet."""
    message = "objects cannot be freed by name yet; delete all refs to one, and it goes"
    raise NotImplementedError(message)
