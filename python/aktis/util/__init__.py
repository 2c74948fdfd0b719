"""What programs use besides the core: placement groups, strategies, serializers, lists of names.

Owns nothing: each name comes from a module of its own.
"""

from __future__ import annotations

from aktis.actors import list_named_actors
from aktis.inventory import get_node_ip_address
from aktis.serializers import deregister_serializer, register_serializer

# Through the submodule of the same name, so that a later import of it does not hide the function.
from aktis.util.placement_group import (
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

__all__ = [
    "deregister_serializer",
    "get_current_placement_group",
    "get_node_ip_address",
    "get_placement_group",
    "list_named_actors",
    "placement_group",
    "placement_group_table",
    "register_serializer",
    "remove_placement_group",
]
