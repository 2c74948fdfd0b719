"""Runs a graph of Dask on the cluster: each of its tasks is a task here, with refs as arguments.

Owns how a graph becomes tasks, their options, and the results. Does not own the order, which is
Dask's own, nor the hooks (`aktis.util.dask.callbacks`).

Submitting a task takes no time worth speaking of, so the whole graph is handed to Dask's scheduler
for one thread: there, to run a task is to submit it, and its result is a ref. So Dask decides what
is submitted first, drops refs that no task needs any more, and calls its own hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dask
from dask import local
from dask._expr import HLGExpr
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    convert_legacy_graph,
    cull,
    fuse_linear_task_spec,
)
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph
from dask.sizeof import sizeof
from dask.utils import key_split

import aktis
from aktis.types import ObjectRef
from aktis.util.dask import nested_refs
from aktis.util.dask.callbacks import Hooks, hooks_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aktis.util.dask.callbacks import Around, RayDaskCallback

# A value in a graph of this size or more is stored once; a smaller one travels with each task.
STORED_BYTES_MIN = 100 * 1024

RESOURCES_MISPLACED = (
    "resources of tasks belong into their options: ray_remote_args={'resources': {...}}"
)

Options = Mapping[str, Any]


def ray_dask_get(
    dsk: Any,
    keys: Any,
    *,
    ray_remote_args: Options | None = None,
    ray_callbacks: Iterable[RayDaskCallback] | None = None,
    ray_persist: bool = False,
    **others: Any,
) -> Any:
    """Runs a graph on the cluster: `compute(scheduler=ray_dask_get)`.

    What a task raises is raised here as the same type, with the remote traceback.

    Args:
        dsk: The graph: what Dask hands its schedulers, or a dict.
        keys: The key of one result, or a list of keys that may hold further lists.
        ray_remote_args: Options of all tasks, such as `num_cpus`; those of
            `dask.annotate(ray_remote_args={...})` precede.
        ray_callbacks: The callbacks of this run, in place of those that are active.
        ray_persist: Whether to return refs at once, instead of waiting for values.
        **others: What Dask's scheduler for one thread takes, such as `cache` or `callbacks`; the
            rest is ignored, as Dask does.

    Returns:
        The result, or a list of results, with tuples for lists within the list.

    Raises:
        ValueError: an option is not known, or resources are not given in `ray_remote_args`.
        TypeError: a task cannot be pickled.
    """
    if "resources" in others:
        raise ValueError(RESOURCES_MISPLACED)
    if isinstance(dsk, HighLevelGraph):
        # Only in this form its annotations and its tasks belong together.
        dsk = HLGExpr(dsk)
    options = _TaskOptions(dsk, ray_remote_args or {})
    graph = convert_legacy_graph(dsk if isinstance(dsk, Mapping) else dsk.__dask_graph__())
    graph = cull(graph, _flat(keys))
    with hooks_of_run(ray_callbacks) as hooks:
        run = _Run(options, hooks)
        submitting = {key: run.prepared(node) for key, node in graph.items()}
        found = local.get_sync(submitting, keys, **others)
        results = list(found) if isinstance(keys, list) else found
        for hook in hooks.postsubmit_all:
            hook(results, graph)
        # Refs in the graph are needed no more, and may be what keeps large values stored.
        del dsk, graph, submitting, run, found
        if not ray_persist:
            results = _got(results)
        for hook in hooks.finish:
            hook(results)
    return results


def ray_dask_get_sync(dsk: Any, keys: Any, **others: Any) -> Any:
    """Does what `ray_dask_get` does: here no threads submit, so there is no other way without them.

    Args:
        dsk: The graph.
        keys: The key of one result, or a list of keys.
        **others: What `ray_dask_get` takes.
    """
    return ray_dask_get(dsk, keys, **others)


def enable_dask_on_ray(
    shuffle: str | None = "tasks",
    use_shuffle_optimization: bool = True,  # noqa: ARG001, FBT001, FBT002 - Ray's signature
) -> dask.config.set:
    """Has Dask run all graphs on the cluster, from now on or within a `with` block.

    Args:
        shuffle: How rows of data frames change their partition: "tasks" needs no disk that all
            nodes share, "disk" does; None leaves it to Dask.
        use_shuffle_optimization: Without effect: Dask itself by now plans what it did.
    """
    return dask.config.set({"scheduler": ray_dask_get, "dataframe.shuffle.method": shuffle})


def disable_dask_on_ray() -> dask.config.set:
    """Has Dask choose how to run graphs, and how to shuffle, as if nothing had been said."""
    return dask.config.set({"scheduler": None, "dataframe.shuffle.method": None})


def dataframe_optimize(dsk: Any, keys: Any, **_others: Any) -> dict[Any, GraphNode]:
    """Returns the part of a graph that the keys need, with chains of tasks fused into one.

    For graphs made by hand: what collections hand to a scheduler is as good as this already.
    """
    wanted = _flat(keys)
    graph = cull(convert_legacy_graph(dict(dsk)), wanted)
    return dict(fuse_linear_task_spec(graph, wanted))


def _persist(collections: Iterable[Any], *, optimize_graph: bool, **others: Any) -> Any:
    """What Dask calls for `persist` where its scheduler is `ray_dask_get`: results stay stored."""
    return dask.persist(
        *collections,
        traverse=False,
        optimize_graph=optimize_graph,
        scheduler=_get_refs,
        **others,
    )


def _get_refs(dsk: Any, keys: Any, **others: Any) -> Any:
    return ray_dask_get(dsk, keys, **(others | {"ray_persist": True}))


ray_dask_get.persist = _persist  # type: ignore[attr-defined]


class _Submission(GraphNode):  # type: ignore[misc]
    """Takes the place of a task in a graph: to run it is to submit the task."""

    def __init__(self, node: GraphNode, run: _Run) -> None:
        self.key = node.key
        self.node = node
        self.run = run
        self._dependencies = node.dependencies

    def __call__(self, values: Any = ()) -> Any:
        """Returns the ref of the result, or what a hook gives in its place."""
        return self.run.submit(self.node, values)


class _Run:
    """One run of a graph: what its tasks have in common."""

    def __init__(self, options: _TaskOptions, hooks: Hooks) -> None:
        self._options = options
        self._hooks = hooks
        # The hooks in workers are pickled once, not with every task.
        self._around = aktis.put(hooks.around_tasks) if hooks.around_tasks else None
        self._functions: dict[tuple[str, int], Any] = {}

    def prepared(self, node: GraphNode) -> GraphNode:
        """What Dask's scheduler gets in place of a node."""
        if isinstance(node, DataNode):
            return DataNode(node.key, self._stored(node))
        return node if isinstance(node, Alias) else _Submission(node, self)

    def submit(self, node: GraphNode, values: Mapping[Any, Any]) -> Any:
        """Submits a task, with what it depends on; a hook may give a result in its place."""
        for hook in self._hooks.presubmit:
            instead = hook(node, node.key, values)
            if instead is not None:
                return self._stored(DataNode(node.key, instead))
        ref = self._send(node, values, self._around)
        for hook in self._hooks.postsubmit:
            hook(node, node.key, values, ref)
        return ref

    def _stored(self, data: DataNode) -> Any:
        """A ref in place of a value that is large, or that has refs inside; else the value."""
        value = data.value
        if type(value) is ObjectRef:
            return value
        if nested_refs.taken(value)[1]:
            # A task of our own, whose result is the value, with values in place of the refs.
            return self._send(data, {}, None)
        return aktis.put(value) if sizeof(value) >= STORED_BYTES_MIN else value

    def _send(
        self, node: GraphNode, values: Mapping[Any, Any], around: ObjectRef[Any] | None
    ) -> ObjectRef[Any]:
        sent, refs = nested_refs.taken(node)
        call = (sent, tuple(values))
        ref: ObjectRef[Any] = self._function(node.key).remote(call, around, *values.values(), *refs)
        return ref

    def _function(self, key: Any) -> Any:
        """The remote function for a task: one for all tasks of one kind with the same options."""
        options = self._options.of(key)
        kind = key_split(key), id(options)
        function = self._functions.get(kind)
        if function is None:
            named = {"name": f"dask:{kind[0]}"} | dict(options)
            function = self._functions[kind] = aktis.remote(**named)(_run_node)
        return function


def _run_node(
    call: tuple[GraphNode, tuple[Any, ...]], around: Iterable[Around], *values: Any
) -> Any:
    """Runs a task in a worker; the values of its refs come after those of its dependencies."""
    node, keys = call
    inner = values[len(keys) :]
    if inner:
        node = nested_refs.restored(node, inner)
    around = around or ()
    states = [before and before(node.key, values) for before, _ in around]
    result = node(dict(zip(keys, values, strict=False)))
    for (_, after), state in zip(around, states, strict=True):
        if after is not None:
            after(node.key, result, state)
    return result


class _TaskOptions:
    """The options of the tasks of one run, by key.

    Those of `dask.annotate(ray_remote_args={...})` precede those of the run, and where a graph was
    made with its own, they precede those that are active now.
    """

    def __init__(self, dsk: Any, given: Options) -> None:
        active = dask.get_annotations()
        by_kind = _annotations(dsk)
        if "resources" in active or "resources" in by_kind:
            raise ValueError(RESOURCES_MISPLACED)
        self._common = {**given, **active.get("ray_remote_args", {})}
        self._by_key = by_kind.get("ray_remote_args", {})
        self._joined: dict[int, Options] = {}

    def of(self, key: Any) -> Options:
        """The options of one task; the same object for all that were annotated together."""
        own = self._by_key.get(key)
        if own is None:
            return self._common
        if id(own) not in self._joined:
            self._joined[id(own)] = {**self._common, **own}
        return self._joined[id(own)]


def _flat(keys: Any) -> list[Any]:
    return list(flatten(keys if isinstance(keys, list) else [keys]))


def _annotations(dsk: Any) -> Mapping[str, Mapping[Any, Any]]:
    """What a graph says of its tasks: for each kind of annotation the values by key."""
    find = getattr(dsk, "__dask_annotations__", dict)
    found: Mapping[str, Mapping[Any, Any]] = find()
    return found


def _got(results: Any) -> Any:
    """The results with values in place of refs."""
    shape, refs = nested_refs.taken(results)
    return nested_refs.restored(shape, aktis.get(refs))
