"""Runtime environments: what a job, a task or an actor brings to its processes.

Owns their fields, their canonical form and how a child's is merged with its parent's. Does not own
how they are made; of all fields, this version knows `env_vars` and the hook of a job.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Self

from aktis import settings

__all__ = ["RuntimeEnv", "RuntimeEnvConfig"]

# What Ray knows and this version does not make.
_ABSENT = frozenset({
    "_nsight", "_ray_release", "_rocprof_sys", "conda", "container", "excludes", "image_uri",
    "java_jars", "mpi", "nsight", "pip", "py_executable", "py_modules", "rocprof_sys", "uv",
    "working_dir",
})  # fmt: skip
_INSTALLERS = ("conda", "pip", "uv")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_SETUP_TIMEOUT_SECONDS = 600
_HOOK = "worker_process_setup_hook"
# Travels with the environment, since it is handed down from task to task like it.
_CAPTURES = "capture_child_tasks"


class RuntimeEnvConfig(dict[str, Any]):
    """How an environment is made, rather than what is in it."""

    def __init__(
        self,
        setup_timeout_seconds: int = _SETUP_TIMEOUT_SECONDS,
        eager_install: bool = True,  # noqa: FBT001, FBT002 - Ray's signature
        log_files: list[str] | None = None,
    ) -> None:
        if not isinstance(setup_timeout_seconds, int):
            message = f"setup_timeout_seconds must be an int, not {setup_timeout_seconds!r}"
            raise TypeError(message)
        if setup_timeout_seconds < 1 and setup_timeout_seconds != -1:
            message = "setup_timeout_seconds must be at least 1, or -1 for no limit"
            raise ValueError(message)
        super().__init__(
            setup_timeout_seconds=setup_timeout_seconds,
            eager_install=eager_install,
            log_files=log_files or [],
        )


class RuntimeEnv(dict[str, Any]):
    """The fields of a runtime environment, checked when it is made.

    Raises:
        NotImplementedError: a field that Ray has and this version has not.
        TypeError: a value of the wrong type.
        ValueError: a field that nobody knows.
    """

    def __init__(
        self,
        *,
        env_vars: Mapping[str, str] | None = None,
        config: RuntimeEnvConfig | Mapping[str, Any] | None = None,
        worker_process_setup_hook: Callable[[], object] | str | None = None,
        **others: Any,
    ) -> None:
        super().__init__()
        given = sorted(name for name in _INSTALLERS if others.get(name) is not None)
        if len(given) > 1:
            message = f"{' and '.join(given)} exclude each other: packages come from one of them"
            raise ValueError(message)
        for name, value in others.items():
            if value is not None:
                _refuse(name, value)
        if env_vars is not None:
            self["env_vars"] = _checked_variables(env_vars)
        if worker_process_setup_hook is not None:
            self[_HOOK] = _checked_hook(worker_process_setup_hook)
        if config is not None:
            if not isinstance(config, Mapping):
                message = f"the config of a runtime environment must be a dict, not {config!r}"
                raise TypeError(message)
            self["config"] = RuntimeEnvConfig(**config)

    @classmethod
    def of(cls, fields: Mapping[str, Any] | None) -> Self:
        """The environment that a program wrote as a dict, or the empty one.

        Raises:
            TypeError: it is neither a dict nor a `RuntimeEnv`.
        """
        if fields is None:
            return cls()
        if not isinstance(fields, Mapping):
            message = f"runtime_env must be a dict or a RuntimeEnv, not {fields!r}"
            raise TypeError(message)
        return cls(**fields)

    @classmethod
    def deserialize(cls, text: str) -> Self:
        """The environment whose canonical form this is."""
        fields = _fields(text)
        fields.pop(_CAPTURES, None)
        return cls(**fields)

    def serialize(self) -> str:
        """The canonical form: equal environments have equal texts, and the empty one has none."""
        apart = {"config", _HOOK}
        return _canonical({name: value for name, value in self.items() if name not in apart})

    def to_dict(self) -> dict[str, Any]:
        """The fields as a plain dict."""
        return dict(self)

    def env_vars(self) -> dict[str, str]:
        """The variables that processes are started with."""
        return dict(self.get("env_vars", {}))

    def setup_hook(self) -> Callable[[], object] | str | None:
        """What processes call before their first task: a function, or the full name of one."""
        hook: Callable[[], object] | str | None = self.get(_HOOK)
        return hook

    def expanded(self) -> RuntimeEnv:
        """The same with `${NAME}` replaced by what this process has under that name."""
        variables = {name: _expanded(value) for name, value in self.env_vars().items()}
        return RuntimeEnv(**{**self, "env_vars": variables or None})


def inherited(parent: str, child: str, *, captures: bool = False) -> str:
    """What a child runs in: the parent's variables, where its own do not replace them.

    Both are in canonical form, as is the result.

    Args:
        parent: What the parent runs in.
        child: What the child asks for itself.
        captures: Whether the child takes its own children into its placement group.
    """
    if not captures and _CAPTURES not in parent and (not child or not parent):
        return child or parent
    above, below = _fields(parent), _fields(child)
    above.pop(_CAPTURES, None)
    variables = {**above.get("env_vars", {}), **below.get("env_vars", {})}
    merged = {**above, **below, "env_vars": variables, _CAPTURES: captures}
    return _canonical(merged)


def of_job(submitted: Mapping[str, Any], given: Mapping[str, Any] | None) -> RuntimeEnv:
    """The environment of a job: what it was submitted with and what `init` was given, together.

    Raises:
        ValueError: both say something about one variable, and nobody allowed the second to win.
    """
    first, second = RuntimeEnv.of(submitted), RuntimeEnv.of(given)
    clashes = sorted(first.env_vars().keys() & second.env_vars().keys())
    if clashes and not settings.read(settings.OVERRIDE_JOB_RUNTIME_ENV):
        message = (
            f"the job was submitted with a runtime environment that sets {', '.join(clashes)}, and "
            f"init() sets it too; remove one of them, or set "
            f"{settings.OVERRIDE_JOB_RUNTIME_ENV.variable}=1 to let init() win"
        )
        raise ValueError(message)
    variables = first.env_vars() | second.env_vars()
    return RuntimeEnv(**{**first, **second, "env_vars": variables or None}).expanded()


def _fields(text: str) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _canonical(fields: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in fields.items() if value}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")) if kept else ""


def _refuse(name: str, value: object) -> None:
    if name == "working_dir" and isinstance(value, str) and not _may_hold_files(value):
        message = f"the working_dir {value!r} is neither a directory nor a file of this machine"
        raise ValueError(message)
    if name in _ABSENT:
        message = (
            f"the field {name!r} of runtime environments is not there yet: this version makes "
            f"env_vars and {_HOOK} only; the README lists what is missing under "
            f"'Not there yet'"
        )
        raise NotImplementedError(message)
    known = ", ".join(["config", "env_vars", _HOOK])
    message = f"a runtime environment has no field {name!r}; it has {known}"
    raise ValueError(message)


def _may_hold_files(working_dir: str) -> bool:
    return "://" in working_dir or os.path.exists(working_dir)  # noqa: PTH110 - pathlib costs milliseconds


def _checked_hook(hook: object) -> object:
    if isinstance(hook, str):
        if "." not in hook:
            message = f'{_HOOK} in words is "module.function", not {hook!r}'
            raise ValueError(message)
    elif not callable(hook):
        message = f"{_HOOK} must be a function or the full name of one, not {hook!r}"
        raise TypeError(message)
    return hook


def _checked_variables(variables: object) -> dict[str, str]:
    if not isinstance(variables, Mapping):
        message = f"env_vars must be a dict of strings, not {variables!r}"
        raise TypeError(message)
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            message = f"env_vars must map strings to strings, not {name!r} to {value!r}"
            raise TypeError(message)
    return dict(sorted(variables.items()))


def _expanded(value: str) -> str:
    return _REFERENCE.sub(lambda found: settings.variable(found[1]), value)
