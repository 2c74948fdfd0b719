"""Where aktis has what Ray has elsewhere, by Ray's dotted name.

Owns the exceptions to one rule, and what is said of names that are missing. The rule: what Ray has
at `ray.module.name`, aktis has at `aktis.module.name`. Does not own which names Ray has
(`aktis.as_ray.public_names`), nor what they mean.
"""

from __future__ import annotations

from aktis.as_ray.public_names import NAMES

# The version of Ray whose interface this is; programs compare it with what they need.
RAY_VERSION = "2.60.0"

# Where the rows and options of `aktis.util.state` are, which Ray keeps in one module.
_STATE_PLACES: dict[str, tuple[str, ...]] = {
    "aktis.observe.rows": (
        *("ActorState", "JobState", "NodeState", "ObjectState", "PlacementGroupState"),
        *("RuntimeEnvState", "StateSchema", "TaskState", "WorkerState"),
    ),
    "aktis.util.state.options": (
        *("DEFAULT_LIMIT", "DEFAULT_RPC_TIMEOUT", "GetApiOptions", "ListApiOptions"),
        *("StateResource", "SummaryApiOptions", "SummaryResource"),
    ),
}

ELSEWHERE: dict[str, str] = {
    # What carries Ray's own name, or a word that aktis does not use.
    "ray.exceptions.LocalRayletDiedError": "aktis.exceptions.LocalNodeDiedError",
    "ray.exceptions.PlasmaObjectNotAvailable": "aktis.exceptions.ObjectNotAvailableError",
    "ray.exceptions.RayActorError": "aktis.exceptions.ActorError",
    "ray.exceptions.RayCgraphCapacityExceeded": "aktis.exceptions.CompiledGraphCapacityExceeded",
    "ray.exceptions.RayChannelError": "aktis.exceptions.ChannelError",
    "ray.exceptions.RayChannelTimeoutError": "aktis.exceptions.ChannelTimeoutError",
    "ray.exceptions.RayDirectTransportError": "aktis.exceptions.DirectTransportError",
    "ray.exceptions.RayError": "aktis.exceptions.AktisError",
    "ray.exceptions.RaySystemError": "aktis.exceptions.EngineError",
    "ray.exceptions.RayTaskError": "aktis.exceptions.TaskError",
    # Here a warning of its own would say no more.
    "ray.util.annotations.RayDeprecationWarning": "builtins.DeprecationWarning",
    # One module here, several there.
    "ray.util.dask.callbacks.ProgressBarCallback": "aktis.util.dask.ProgressBarCallback",
    "ray.util.dask.callbacks.RayDaskCallback": "aktis.util.dask.RayDaskCallback",
    "ray.util.dask.scheduler.disable_dask_on_ray": "aktis.util.dask.disable_dask_on_ray",
    "ray.util.dask.scheduler.enable_dask_on_ray": "aktis.util.dask.enable_dask_on_ray",
    "ray.util.dask.scheduler.ray_dask_get": "aktis.util.dask.ray_dask_get",
    "ray.util.dask.scheduler.ray_dask_get_sync": "aktis.util.dask.ray_dask_get_sync",
    "ray.util.helpers.as_completed": "aktis.util.as_completed",
    "ray.util.helpers.map_unordered": "aktis.util.map_unordered",
    # Backends of a program's own derive from one class and are registered.
    "ray.util.collective.backend_registry.register_collective_backend": (
        "aktis.util.collective.register_collective_backend"
    ),
    "ray.util.collective.collective_group.base_collective_group.BaseGroup": (
        "aktis.util.collective.base_group.BaseGroup"
    ),
    "ray.util.pdb.set_trace": "aktis.util.rpdb.set_trace",
    "ray.util.state.exception.RayStateApiException": "aktis.util.state.exception.StateApiException",
    **{
        f"ray.util.state.api.{name}": f"aktis.util.state.{name}"
        for name in NAMES["ray.util.state"].split()
    },
    **{
        f"ray.util.state.common.{name}": f"{place}.{name}"
        for place, names in _STATE_PLACES.items()
        for name in names
    },
    # Not public, but guides of Ray use it.
    "ray._private.internal_api.free": "aktis.internal.free",
    # xgboost_ray and others write their records with it.
    "ray.logger": "aktis.as_ray.logger.logger",
    # Modin asks which machine a partition lies on.
    "ray._private.services.get_node_ip_address": "aktis.util.get_node_ip_address",
    # Daft asks for the nodes that a query could use, where an autoscaler may be.
    "ray.autoscaler.sdk.request_resources": "aktis.as_ray.private_names.request_resources",
    # Daft asks where its scheduler has to run, and which progress bar to show.
    "ray._private.worker.global_worker": "aktis.as_ray.private_names.global_worker",
    "ray.util.client.ray": "aktis.as_ray.private_names.client",
    # Modin and others ask of a value whether it is a ref or a handle, of a remote cluster too.
    "ray.util.client.common.ClientActorHandle": "aktis.actor.ActorHandle",
    "ray.util.client.common.ClientObjectRef": "aktis.ObjectRef",
    # Libraries name these in annotations, and in checks of what they were given.
    "ray._raylet.DynamicObjectRefGenerator": "aktis.DynamicObjectRefGenerator",
    "ray._raylet.ObjectRef": "aktis.ObjectRef",
    "ray._raylet.ObjectRefGenerator": "aktis.ObjectRefGenerator",
    "ray._raylet.PlacementGroupID": "aktis.PlacementGroupID",
}

# What libraries import although a program may never need it: it is refused when it is called.
REFUSED_WHEN_CALLED: dict[str, str] = {
    "ray.data.from_pandas_refs": "Modin imports it for frames that become datasets",
    "ray.train._internal.session.get_session": "xgboost_ray imports it, for runs within Tune",
}

# What comes nearest to a name that is missing; the longest beginning counts.
NEAREST: dict[str, str] = {
    "ray.ClientBuilder": 'aktis.init(address="auto") attaches to a session of this machine',
    "ray.air": "tasks and actors are, on which such libraries stand",
    "ray.autoscaler": "aktis.init(num_cpus=...) says how large the cluster is",
    "ray.client": 'aktis.init(address="auto") attaches to a session of this machine',
    "ray.cluster_utils": "aktis.init(num_cpus=...) starts a cluster of one node",
    "ray.cpp_function": "functions are Python only",
    "ray.cross_language": "functions and classes are Python only",
    "ray.dag.DAGContext": "graphs that run as they are written are, with execute()",
    "ray.dashboard": "aktis.nodes() and aktis.available_resources() tell what the cluster has",
    "ray.data": "tasks over parts of the data are, and aktis.put for shared arrays",
    "ray.experimental": "aktis.experimental.tqdm_ray, internal_kv and get_object_locations are",
    "ray.java": "functions and classes are Python only",
    "ray.job_submission": 'a program run beside the session, with aktis.init(address="auto"), is',
    "ray.llm": "actors that hold a model are",
    "ray.rllib": "actors that hold an environment each are",
    "ray.serve": "actors are, named ones and async ones too",
    "ray.train": "actors in a placement group are",
    "ray.tune": "tasks, one for each trial, and aktis.wait are",
    "ray.widgets": "plain text is what objects show",
    "ray.workflow": "graphs of calls (bind and execute) are",
}
