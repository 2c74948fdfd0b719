"""The type of refs, generic in the type of the value: `ObjectRef[int]`.

Owns nothing: the class is the engine's.
"""

from __future__ import annotations

# The one name of the engine that is public as it is.
from aktis._core import ObjectRef  # noqa: TID251 - public as it is

ObjectID = ObjectRef

__all__ = ["ObjectID", "ObjectRef"]
