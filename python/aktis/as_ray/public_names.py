"""The public names of Ray 2.60, by module.

Owns what counts as a name of Ray. Does not own where aktis has it (`aktis.as_ray.table`), nor
whether it has it, which is computed (`aktis.as_ray.lookup`).

A module without names stands for itself: a library that a program imports as a whole.
"""

from __future__ import annotations

NAMES: dict[str, str] = {
    "ray": """
        ActorClassID ActorID ClientBuilder DynamicObjectRefGenerator FunctionID JobID Language
        LoggingConfig NodeID ObjectID ObjectRef ObjectRefGenerator PlacementGroupID SCRIPT_MODE
        TaskID UniqueID WORKER_MODE WorkerID __version__ available_resources cancel client
        cluster_resources cpp_function get get_actor get_gpu_ids get_runtime_context init
        is_initialized java_actor_class java_function kill method nodes put remote shutdown timeline
        wait
    """,
    "ray.actor": """
        ActorClass ActorClassInheritanceException ActorHandle ActorMethod exit_actor method
    """,
    "ray.client_builder": "ClientBuilder ClientContext client",
    "ray.cloudpickle": """
        CloudPickler Pickler dump dumps load loads register_pickle_by_value
        unregister_pickle_by_value
    """,
    "ray.cluster_utils": "AutoscalingCluster Cluster",
    "ray.cross_language": "cpp_actor_class cpp_function java_actor_class java_function",
    "ray.dag": """
        ClassMethodNode ClassNode CollectiveOutputNode DAGContext DAGInputData DAGNode FunctionNode
        InputAttributeNode InputNode MultiOutputNode plot
    """,
    "ray.dag.class_node": "ClassMethodNode ClassNode",
    "ray.dag.context": "DAGContext",
    "ray.dag.dag_node": "DAGNode",
    "ray.dag.function_node": "FunctionNode",
    "ray.dag.input_node": "DAGInputData InputAttributeNode InputNode",
    "ray.dag.output_node": "MultiOutputNode",
    "ray.exceptions": """
        ActorAlreadyExistsError ActorDiedError ActorHandleNotFoundError ActorPlacementGroupRemoved
        ActorUnavailableError ActorUnschedulableError AsyncioActorExit AuthenticationError
        CrossLanguageError GetTimeoutError LocalRayletDiedError NodeDiedError
        ObjectFetchTimedOutError ObjectFreedError ObjectLostError ObjectReconstructionFailedError
        ObjectRefStreamEndOfStreamError ObjectStoreFullError
        OufOfBandObjectRefSerializationException OutOfDiskError OutOfMemoryError OwnerDiedError
        PendingCallsLimitExceeded PlasmaObjectNotAvailable RayActorError RayCgraphCapacityExceeded
        RayChannelError RayChannelTimeoutError RayDirectTransportError RayError RaySystemError
        RayTaskError ReferenceCountingAssertionError RpcError RuntimeEnvSetupError
        StreamingGeneratorReplayInconsistentError TaskCancelledError TaskPlacementGroupRemoved
        TaskUnschedulableError UnserializableException UserCodeException WorkerCrashedError
    """,
    "ray.experimental": """
        deregister_nixl_memory get_local_object_locations get_object_locations register_nixl_memory
        set_resource set_target_for_ref wait_tensor_freed
    """,
    "ray.experimental.collective": """
        allgather allreduce create_collective_group destroy_all_collective_groups
        destroy_collective_group get_collective_groups reducescatter
    """,
    "ray.experimental.internal_kv": """
        _internal_kv_del _internal_kv_exists _internal_kv_get _internal_kv_initialized
        _internal_kv_list _internal_kv_put
    """,
    "ray.experimental.locations": "get_local_object_locations get_object_locations",
    "ray.experimental.sandbox": "",
    "ray.experimental.shuffle": """
        ObjectStoreWriter ObjectStoreWriterNonStreaming round_robin_partitioner simple_shuffle
    """,
    "ray.experimental.tqdm_ray": "safe_print tqdm",
    "ray.internal": "free",
    "ray.job_config": "JobConfig",
    "ray.job_submission": """
        DriverInfo JobDetails JobErrorType JobInfo JobStatus JobSubmissionClient JobType
    """,
    "ray.remote_function": "RemoteFunction",
    "ray.runtime_context": "RuntimeContext get_runtime_context",
    "ray.runtime_env": "RuntimeEnv RuntimeEnvConfig",
    "ray.types": "ObjectRef",
    "ray.util": """
        ActorPool as_completed connect deregister_serializer disable_log_once_globally disconnect
        enable_periodic_logging get_current_placement_group get_node_instance_id get_node_ip_address
        get_placement_group inspect_serializability list_named_actors log_once map_unordered
        placement_group placement_group_table register_serializer remove_placement_group
    """,
    "ray.util.accelerators": """
        AMD_INSTINCT_MI100 AMD_INSTINCT_MI210 AMD_INSTINCT_MI250 AMD_INSTINCT_MI250x
        AMD_INSTINCT_MI300x AMD_RADEON_HD_7900 AMD_RADEON_R9_200_HD_7900 APPLE_M1 APPLE_M1_MAX
        APPLE_M1_PRO APPLE_M1_ULTRA APPLE_M2 APPLE_M2_MAX APPLE_M2_PRO APPLE_M2_ULTRA APPLE_M3
        APPLE_M3_MAX APPLE_M3_PRO APPLE_SILICON AWS_NEURON_CORE GOOGLE_TPU_V2 GOOGLE_TPU_V3
        GOOGLE_TPU_V4 GOOGLE_TPU_V5LITEPOD GOOGLE_TPU_V5P GOOGLE_TPU_V6E GOOGLE_TPU_V7X INTEL_GAUDI
        INTEL_MAX_1100 INTEL_MAX_1550 METAX_C500 METAX_C550 MOBILINT_ARIES MOBILINT_REGULUS
        NVIDIA_A100 NVIDIA_H100 NVIDIA_L4 NVIDIA_TESLA_A100
        NVIDIA_TESLA_A10G NVIDIA_TESLA_K80 NVIDIA_TESLA_P100 NVIDIA_TESLA_P4 NVIDIA_TESLA_T4
        NVIDIA_TESLA_V100
    """,
    "ray.util.actor_group": "ActorGroup",
    "ray.util.actor_pool": "ActorPool",
    "ray.util.annotations": "Deprecated DeveloperAPI PublicAPI RayDeprecationWarning",
    "ray.util.check_serialize": "FailureTuple inspect_serializability",
    "ray.util.client": "",
    "ray.util.collective": """
        allgather allgather_multigpu allreduce allreduce_multigpu barrier broadcast
        broadcast_multigpu create_collective_group destroy_collective_group
        get_collective_group_size get_group_handle get_rank gloo_available init_collective_group
        is_backend_available is_group_initialized nccl_available recv recv_multigpu reduce
        reduce_multigpu reducescatter reducescatter_multigpu register_collective_backend send
        send_multigpu
    """,
    "ray.util.collective.types": """
        AllGatherOptions AllReduceOptions Backend BarrierOptions BroadcastOptions RecvOptions
        ReduceOp ReduceOptions ReduceScatterOptions SendOptions
    """,
    "ray.util.dask": """
        ProgressBarCallback RayDaskCallback dataframe_optimize disable_dask_on_ray
        enable_dask_on_ray ray_dask_get ray_dask_get_sync
    """,
    "ray.util.debug": "disable_log_once_globally enable_periodic_logging log_once reset_log_once",
    "ray.util.debugpy": "set_trace",
    "ray.util.helpers": "as_completed map_unordered",
    "ray.util.iter": """
        LocalIterator ParallelIterator ParallelIteratorWorker from_actors from_items from_iterators
        from_range
    """,
    "ray.util.joblib": "register_ray",
    "ray.util.metrics": "Counter Gauge Histogram",
    "ray.util.multiprocessing": "JoinableQueue Pool TimeoutError",
    "ray.util.multiprocessing.pool": "AsyncResult IMapIterator Pool",
    "ray.util.placement_group": """
        PlacementGroup get_current_placement_group get_placement_group placement_group
        placement_group_table remove_placement_group
    """,
    "ray.util.queue": "Empty Full Queue",
    "ray.util.rpdb": "set_trace",
    "ray.util.scheduling_strategies": """
        DoesNotExist Exists In NodeAffinitySchedulingStrategy NodeLabelSchedulingStrategy NotIn
        PlacementGroupSchedulingStrategy
    """,
    "ray.util.serialization": """
        StandaloneSerializationContext deregister_serializer register_serializer
    """,
    "ray.util.spark": """
        MAX_NUM_WORKER_NODES setup_global_ray_cluster setup_ray_cluster shutdown_ray_cluster
    """,
    "ray.util.state": """
        StateApiClient get_actor get_job get_log get_node get_objects get_placement_group get_task
        get_worker list_actors list_cluster_events list_jobs list_logs list_nodes list_objects
        list_placement_groups list_runtime_envs list_tasks list_workers summarize_actors
        summarize_objects summarize_tasks
    """,
    "ray.util.state.exception": "RayStateApiException",
    "ray.util.tpu": """
        SlicePlacementGroup SubslicePlacementGroup dispatch run_on_slice slice_placement_group
        subslice_placement_group
    """,
    "ray.util.tracing": "",
    "ray.air": "",
    "ray.autoscaler": "",
    "ray.autoscaler.sdk": """
        bootstrap_config configure_logging create_or_update_cluster fillout_defaults
        get_docker_host_mount_location get_head_node_ip get_worker_node_ips
        register_callback_handler request_resources rsync run_on_cluster teardown_cluster
    """,
    "ray.dashboard": "",
    "ray.data": "",
    "ray.llm": "",
    "ray.rllib": "",
    "ray.serve": "",
    "ray.train": "",
    "ray.tune": "",
    "ray.widgets": "",
    "ray.workflow": "",
}
