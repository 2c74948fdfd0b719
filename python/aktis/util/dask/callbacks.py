"""Hooks into a run of a graph, beside those that Dask has itself.

Owns which hooks there are and which of them are active. Does not own when they are called
(`aktis.util.dask.scheduler`).
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from dask.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Hook = Callable[..., Any]
    # The hooks of one callback around a task, each of which may be missing.
    Around = tuple[Hook | None, Hook | None]

# Whether a graph is run here, by which a run within a hook is known; other threads have their own.
_running: ContextVar[bool] = ContextVar("running", default=False)


class RayDaskCallback(Callback):  # type: ignore[misc]
    """Calls hooks while a graph runs: those of `dask.callbacks.Callback`, and these.

    - `ray_presubmit(task, key, deps)` before a task is submitted, with the refs and values that it
      depends on by key; a result that is not None stands for that of the task, which does not run.
    - `ray_postsubmit(task, key, deps, object_ref)` after that, with the ref of its result.
    - `ray_pretask(key, object_refs)` in the worker before the task, with the values of its
      arguments; what it returns is given to `ray_posttask`.
    - `ray_posttask(key, result, pre_state)` in the worker after the task, unless it raised.
    - `ray_postsubmit_all(object_refs, dsk)` once all tasks are submitted, with the refs of the
      results and the graph.
    - `ray_finish(result)` with the results, once they are there.

    A hook is an argument, or a method of a subclass with an underscore before its name. The hooks
    are called in `with` blocks, between `register()` and `unregister()`, or for one run alone:
    `compute(ray_callbacks=[...])`.
    """

    ray_active: ClassVar[list[RayDaskCallback]] = []

    def __init__(
        self,
        *,
        ray_presubmit: Hook | None = None,
        ray_postsubmit: Hook | None = None,
        ray_pretask: Hook | None = None,
        ray_posttask: Hook | None = None,
        ray_postsubmit_all: Hook | None = None,
        ray_finish: Hook | None = None,
        **hooks_of_dask: Any,
    ) -> None:
        super().__init__(**hooks_of_dask)
        given = {
            "_ray_presubmit": ray_presubmit,
            "_ray_postsubmit": ray_postsubmit,
            "_ray_pretask": ray_pretask,
            "_ray_posttask": ray_posttask,
            "_ray_postsubmit_all": ray_postsubmit_all,
            "_ray_finish": ray_finish,
        }
        self.__dict__.update({name: hook for name, hook in given.items() if hook is not None})

    def __enter__(self) -> Self:
        """Has the hooks called until the block ends."""
        self.ray_active.append(self)
        super().__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        """Has them called no more."""
        super().__exit__(*args)
        self.ray_active.remove(self)

    def register(self) -> None:
        """Has the hooks called from now on."""
        super().register()
        self.ray_active.append(self)

    def unregister(self) -> None:
        """Has them called no more.

        Raises:
            KeyError: they are not registered.
        """
        super().unregister()
        self.ray_active.remove(self)


class Hooks(NamedTuple):
    """The hooks of all callbacks of one run, by kind."""

    presubmit: list[Hook]
    postsubmit: list[Hook]
    around_tasks: list[Around]
    postsubmit_all: list[Hook]
    finish: list[Hook]


@contextmanager
def hooks_of_run(callbacks: Iterable[RayDaskCallback] | None) -> Iterator[Hooks]:
    """The hooks that one run calls: those given, or else those that are active.

    A run within a hook calls none of the active ones.

    Raises:
        TypeError: something given is no `RayDaskCallback`.
    """
    if callbacks is None:
        callbacks = () if _running.get() else RayDaskCallback.ray_active
    hooks = _hooks(callbacks)
    token = _running.set(True)
    try:
        yield hooks
    finally:
        _running.reset(token)


def _hooks(callbacks: Iterable[RayDaskCallback]) -> Hooks:
    known = list(callbacks)
    for callback in known:
        if not isinstance(callback, RayDaskCallback):
            message = f"ray_callbacks takes RayDaskCallback objects, not {callback!r}"
            raise TypeError(message)

    def given(name: str) -> list[Any]:
        return [hook for callback in known if (hook := getattr(callback, name, None)) is not None]

    around = [
        (getattr(callback, "_ray_pretask", None), getattr(callback, "_ray_posttask", None))
        for callback in known
    ]
    return Hooks(
        presubmit=given("_ray_presubmit"),
        postsubmit=given("_ray_postsubmit"),
        around_tasks=[pair for pair in around if pair != (None, None)],
        postsubmit_all=given("_ray_postsubmit_all"),
        finish=given("_ray_finish"),
    )
