"""aktis: ordinary Python functions as tasks and classes as actors, on every core.

Owns nothing: re-exports the public names, each from the module that owns it.
"""

from __future__ import annotations

import typing

from aktis import exceptions as exceptions
from aktis.actors import get_actor, kill
from aktis.connection import Context, init, is_initialized, shutdown
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
from aktis.language import SCRIPT_MODE, WORKER_MODE, Language
from aktis.logging_config import LoggingConfig
from aktis.methods import method
from aktis.nodes import available_resources, cluster_resources, nodes, timeline
from aktis.refs import cancel, get, put, wait
from aktis.remote import remote
from aktis.runtime_context import get_gpu_ids, get_runtime_context
from aktis.types import ObjectRef
from aktis.version import __version__

if typing.TYPE_CHECKING:
    from aktis import (
        actor as actor,
        cloudpickle as cloudpickle,
        experimental as experimental,
        internal as internal,
        job_config as job_config,
        runtime_env as runtime_env,
        util as util,
    )

ObjectID = ObjectRef

__all__ = [
    "SCRIPT_MODE",
    "WORKER_MODE",
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
    "TaskID",
    "UniqueID",
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

_SUBMODULES = frozenset({"actor", "cloudpickle", "experimental", "internal", "util"})


def __getattr__(name: str) -> object:
    """Imports a submodule at its first use, so that `import aktis` stays cheap."""
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"aktis.{name}")
    message = f"module 'aktis' has no attribute {name!r}"
    raise AttributeError(message)
