"""What Ray calls experimental: where objects lie, the head's table, progress bars.

Owns nothing: each name comes from a module of its own.
"""

from __future__ import annotations

from aktis.experimental.locations import get_local_object_locations, get_object_locations
from aktis.experimental.resources import set_resource

__all__ = ["get_local_object_locations", "get_object_locations", "set_resource"]
