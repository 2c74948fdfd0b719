"""What programs use besides the core: pools, executors, placement groups, strategies, checks.

Owns nothing: each name comes from a module of its own, loaded at its first use.
"""

from __future__ import annotations

import importlib
import typing

# Through the submodule of the same name, so that a later import of it does not hide the function.
from aktis.util.placement_group import (
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

if typing.TYPE_CHECKING:
    from aktis.actors import list_named_actors
    from aktis.inventory import get_node_instance_id, get_node_ip_address
    from aktis.serializers import deregister_serializer, register_serializer
    from aktis.util import accelerators as accelerators
    from aktis.util.actor_pool import ActorPool
    from aktis.util.check_serialize import inspect_serializability
    from aktis.util.completion import as_completed, map_unordered
    from aktis.util.debug import disable_log_once_globally, enable_periodic_logging, log_once
    from aktis.util.executor import Executor

__all__ = [
    "ActorPool",
    "Executor",
    "accelerators",
    "as_completed",
    "deregister_serializer",
    "disable_log_once_globally",
    "enable_periodic_logging",
    "get_current_placement_group",
    "get_node_instance_id",
    "get_node_ip_address",
    "get_placement_group",
    "inspect_serializability",
    "list_named_actors",
    "log_once",
    "map_unordered",
    "placement_group",
    "placement_group_table",
    "register_serializer",
    "remove_placement_group",
]

_MODULES = {
    "aktis.actors": ("list_named_actors",),
    "aktis.inventory": ("get_node_instance_id", "get_node_ip_address"),
    "aktis.serializers": ("deregister_serializer", "register_serializer"),
    "aktis.util.actor_pool": ("ActorPool",),
    "aktis.util.check_serialize": ("inspect_serializability",),
    "aktis.util.completion": ("as_completed", "map_unordered"),
    "aktis.util.debug": ("disable_log_once_globally", "enable_periodic_logging", "log_once"),
    "aktis.util.executor": ("Executor",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = frozenset({"accelerators", "actor_pool", "check_serialize", "metrics", "queue"})


def __getattr__(name: str) -> object:
    """Loads a public name, or a submodule, at its first use."""
    if name in _SUBMODULES:
        return importlib.import_module(f"aktis.util.{name}")
    if name not in _HOMES:
        message = f"module 'aktis.util' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
