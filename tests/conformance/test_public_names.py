"""Every public name of the core is where programs look for it.

Owns names and nothing of what they mean.
"""

from __future__ import annotations

import importlib

import pytest

NAMES = {
    "aktis": [
        "ActorClassID", "ActorID", "Context", "DynamicObjectRefGenerator", "FunctionID", "JobID",
        "Language", "LoggingConfig", "NodeID", "ObjectID", "ObjectRef", "ObjectRefGenerator",
        "PlacementGroupID", "SCRIPT_MODE", "TaskID", "UniqueID", "WORKER_MODE", "WorkerID",
        "__version__", "available_resources", "cancel", "cluster_resources", "get", "get_actor",
        "get_gpu_ids", "get_runtime_context", "init", "is_initialized", "kill", "method", "nodes",
        "put", "remote", "shutdown", "timeline", "wait",
    ],
    "aktis.actor": ["ActorClass", "ActorHandle", "ActorMethod", "exit_actor"],
    "aktis.dag": [
        "ClassMethodNode", "ClassNode", "CollectiveOutputNode", "DAGInputData", "DAGNode",
        "FunctionNode", "InputAttributeNode", "InputNode", "MultiOutputNode", "plot",
    ],
    "aktis.experimental.collective": [
        "allgather", "allreduce", "create_collective_group", "destroy_all_collective_groups",
        "destroy_collective_group", "get_collective_groups", "reducescatter",
    ],
    "aktis.experimental.shuffle": [
        "ObjectStoreWriter", "ObjectStoreWriterNonStreaming", "round_robin_partitioner",
        "simple_shuffle",
    ],
    "aktis.experimental": [
        "get_local_object_locations", "get_object_locations", "set_resource",
    ],
    "aktis.experimental.internal_kv": [
        "_internal_kv_del", "_internal_kv_exists", "_internal_kv_get", "_internal_kv_initialized",
        "_internal_kv_list", "_internal_kv_put",
    ],
    "aktis.experimental.locations": ["get_local_object_locations", "get_object_locations"],
    "aktis.experimental.tqdm_ray": ["safe_print", "tqdm"],
    "aktis.remote_function": ["RemoteFunction"],
    "aktis.runtime_env": ["RuntimeEnv", "RuntimeEnvConfig"],
    "aktis.runtime_context": ["RuntimeContext", "get_runtime_context"],
    "aktis.job_config": ["JobConfig"],
    "aktis.cloudpickle": ["dumps", "loads"],
    "aktis.types": ["ObjectRef"],
    "aktis.util": [
        "ActorPool", "Executor", "accelerators", "as_completed", "deregister_serializer",
        "disable_log_once_globally", "enable_periodic_logging", "get_current_placement_group",
        "get_node_instance_id", "get_node_ip_address", "get_placement_group",
        "inspect_serializability", "list_named_actors", "log_once", "map_unordered",
        "placement_group", "placement_group_table", "register_serializer",
        "remove_placement_group",
    ],
    "aktis.util.accelerators": ["AMD_INSTINCT_MI300x", "GOOGLE_TPU_V6E", "NVIDIA_H100"],
    "aktis.util.actor_group": ["ActorGroup"],
    "aktis.util.actor_pool": ["ActorPool"],
    "aktis.util.annotations": ["Deprecated", "DeveloperAPI", "PublicAPI"],
    "aktis.util.check_serialize": ["FailureTuple", "inspect_serializability"],
    "aktis.util.collective": [
        "allgather", "allgather_multigpu", "allreduce", "allreduce_multigpu", "barrier",
        "broadcast", "broadcast_multigpu", "create_collective_group", "destroy_collective_group",
        "get_collective_group_size", "get_group_handle", "get_rank", "gloo_available",
        "init_collective_group", "is_backend_available", "is_group_initialized", "nccl_available",
        "recv", "recv_multigpu", "reduce", "reduce_multigpu", "reducescatter",
        "reducescatter_multigpu", "register_collective_backend", "send", "send_multigpu",
    ],
    "aktis.util.collective.types": [
        "AllGatherOptions", "AllReduceOptions", "Backend", "BarrierOptions", "BroadcastOptions",
        "RecvOptions", "ReduceOp", "ReduceOptions", "ReduceScatterOptions", "SendOptions",
    ],
    "aktis.util.debug": [
        "disable_log_once_globally", "enable_periodic_logging", "log_once", "reset_log_once",
    ],
    "aktis.util.iter": [
        "LocalIterator", "ParallelIterator", "ParallelIteratorWorker", "from_actors", "from_items",
        "from_iterators", "from_range",
    ],
    "aktis.util.joblib": ["register_aktis", "register_ray"],
    "aktis.util.metrics": ["Counter", "Gauge", "Histogram"],
    "aktis.util.multiprocessing": ["JoinableQueue", "Pool", "TimeoutError"],
    "aktis.util.multiprocessing.pool": ["AsyncResult", "IMapIterator", "Pool"],
    "aktis.util.placement_group": [
        "PlacementGroup", "get_current_placement_group", "get_placement_group", "placement_group",
        "placement_group_table", "remove_placement_group",
    ],
    "aktis.util.queue": ["Empty", "Full", "Queue"],
    "aktis.util.scheduling_strategies": [
        "DoesNotExist", "Exists", "In", "NodeAffinitySchedulingStrategy",
        "NodeLabelSchedulingStrategy", "NotIn", "PlacementGroupSchedulingStrategy",
    ],
    "aktis.util.serialization": [
        "StandaloneSerializationContext", "deregister_serializer", "register_serializer",
    ],
    "aktis.util.tpu": [
        "SlicePlacementGroup", "SubslicePlacementGroup", "dispatch", "run_on_slice",
        "slice_placement_group", "subslice_placement_group",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names]
)
def test_name_is_there(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_decorated_things_are_of_the_public_types() -> None:
    import aktis
    from aktis.actor import ActorClass
    from aktis.remote_function import RemoteFunction

    class Plain: ...

    assert isinstance(aktis.remote(Plain), ActorClass)
    assert isinstance(aktis.remote(lambda: 1), RemoteFunction)


def test_the_namespace_of_a_star_import_is_what_is_declared() -> None:
    import aktis

    assert all(hasattr(aktis, name) for name in aktis.__all__)
