"""aktis: ordinary Python functions as tasks and classes as actors, on every core.

Owns nothing: re-exports the public names, each from the module that owns it.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from aktis import (
        actor as actor,
        cloudpickle as cloudpickle,
        dag as dag,
        exceptions as exceptions,
        experimental as experimental,
        internal as internal,
        job_config as job_config,
        runtime_env as runtime_env,
        util as util,
    )
    from aktis.actors import get_actor, kill
    from aktis.connection import Context, init, is_initialized, shutdown
    from aktis.decorator import remote
    from aktis.generators import DynamicObjectRefGenerator, ObjectRefGenerator
    from aktis.ids import (
        ActorClassID,
        ActorID,
        FunctionID,
        JobID,
        NodeID,
        PlacementGroupID,
        TaskID,
        UniqueID,
        WorkerID,
    )
    from aktis.inventory import available_resources, cluster_resources, nodes, timeline
    from aktis.language import SCRIPT_MODE, WORKER_MODE, Language
    from aktis.logging_config import LoggingConfig
    from aktis.methods import method
    from aktis.refs import cancel, get, put, wait
    from aktis.runtime_context import get_gpu_ids, get_runtime_context
    from aktis.types import ObjectRef, ObjectRef as ObjectID
    from aktis.version import __version__

__all__ = [  # noqa: RUF022 - sorted by code point, as the test of the surface has it
    "ActorClassID",
    "ActorID",
    "Context",
    "DynamicObjectRefGenerator",
    "FunctionID",
    "JobID",
    "Language",
    "LoggingConfig",
    "NodeID",
    "ObjectID",
    "ObjectRef",
    "ObjectRefGenerator",
    "PlacementGroupID",
    "SCRIPT_MODE",
    "TaskID",
    "UniqueID",
    "WORKER_MODE",
    "WorkerID",
    "__version__",
    "available_resources",
    "cancel",
    "cluster_resources",
    "get",
    "get_actor",
    "get_gpu_ids",
    "get_runtime_context",
    "init",
    "is_initialized",
    "kill",
    "method",
    "nodes",
    "put",
    "remote",
    "shutdown",
    "timeline",
    "wait",
]

# Where each name comes from. They are loaded at their first use: the daemon and the fork server are
# modules of this package too, and a cluster is there only when both are. No module has the name of
# anything public, since importing it would set the name anew.
_MODULES = {
    "actors": ("get_actor", "kill"),
    "connection": ("Context", "init", "is_initialized", "shutdown"),
    "decorator": ("remote",),
    "generators": ("DynamicObjectRefGenerator", "ObjectRefGenerator"),
    "ids": (
        "ActorClassID",
        "ActorID",
        "FunctionID",
        "JobID",
        "NodeID",
        "PlacementGroupID",
        "TaskID",
        "UniqueID",
        "WorkerID",
    ),
    "inventory": ("available_resources", "cluster_resources", "nodes", "timeline"),
    "language": ("SCRIPT_MODE", "WORKER_MODE", "Language"),
    "logging_config": ("LoggingConfig",),
    "methods": ("method",),
    "refs": ("cancel", "get", "put", "wait"),
    "runtime_context": ("get_gpu_ids", "get_runtime_context"),
    "types": ("ObjectID", "ObjectRef"),
    "version": ("__version__",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_WITHOUT_SESSION = frozenset({"ids", "language", "logging_config", "types", "version"})
_SUBMODULES = frozenset(
    {"actor", "cloudpickle", "dag", "exceptions", "experimental", "internal", "job_config"}
    | {"runtime_env", "util"}
)


def __getattr__(name: str) -> object:
    """Loads a public name, or a submodule, at its first use."""
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"aktis.{name}")
    if name not in _HOMES:
        message = f"module 'aktis' has no attribute {name!r}"
        raise AttributeError(message)
    if _HOMES[name] not in _WITHOUT_SESSION:
        # Whatever needs a session may begin one.
        importlib.import_module("aktis.connection")
    value: object = getattr(importlib.import_module(f"aktis.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
