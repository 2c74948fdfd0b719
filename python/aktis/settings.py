"""Every setting that the environment may hold: its name, Ray's, type, default and sentence.

Owns all reading of environment variables in the product. Does not own the settings of the engine,
which are numbers by name (`engine_settings` hands them over), nor what follows from a value.
"""

from __future__ import annotations

import json
import os
from typing import Any, Generic, NamedTuple, TypeVar, cast

Value = TypeVar("Value")

PREFIX = "AKTIS_"
ENGINE_PREFIX = "AKTIS_ENGINE_"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class Setting(NamedTuple, Generic[Value]):
    """One setting; `read` looks at its own variable first, then at Ray's."""

    name: str
    twin: str
    default: Value
    sentence: str

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return PREFIX + self.name.upper()


ADDRESS = Setting("address", "RAY_ADDRESS", "", "Where `init` attaches if it is not told.")
NAMESPACE = Setting("namespace", "RAY_NAMESPACE", "", "The namespace of a job that names none.")
RUNTIME_ENV: Setting[dict[str, Any]] = Setting(
    "runtime_env", "RAY_RUNTIME_ENV", {}, "The runtime environment of a job, as JSON."
)
JOB_CONFIG: Setting[dict[str, Any]] = Setting(
    "job_config", "RAY_JOB_CONFIG_JSON_ENV_VAR", {}, "What submitted the job adds to it, as JSON."
)
OVERRIDE_JOB_RUNTIME_ENV = Setting(
    "override_job_runtime_env",
    "RAY_OVERRIDE_JOB_RUNTIME_ENV",
    False,  # noqa: FBT003 - a default, in its place
    "Whether `init` may replace parts of the runtime environment that the job was submitted with.",
)
LOG_TO_DRIVER = Setting(
    "log_to_driver",
    "RAY_LOG_TO_DRIVER",
    True,  # noqa: FBT003 - a default, in its place
    "Whether what workers print appears in the driver's terminal.",
)
DEDUP_LOGS = Setting(
    "dedup_logs",
    "RAY_DEDUP_LOGS",
    True,  # noqa: FBT003 - a default, in its place
    "Whether a line that many workers print appears once, with their number.",
)
DEDUP_LOGS_AGG_WINDOW_S = Setting(
    "dedup_logs_agg_window_s",
    "RAY_DEDUP_LOGS_AGG_WINDOW_S",
    5.0,
    "For how long equal lines are counted, in seconds.",
)
ENABLE_AUTO_CONNECT = Setting(
    "enable_auto_connect",
    "RAY_ENABLE_AUTO_CONNECT",
    True,  # noqa: FBT003 - a default, in its place
    "Whether the first call that needs a session starts one.",
)
TASK_MAX_RETRIES = Setting(
    "task_max_retries",
    "RAY_TASK_MAX_RETRIES",
    3,
    "How often a task is tried again if it does not say so itself.",
)
OVERRIDE_RESOURCES: Setting[dict[str, float]] = Setting(
    "override_resources", "RAY_OVERRIDE_RESOURCES", {}, "Amounts of a new node, as JSON."
)
OVERRIDE_LABELS: Setting[dict[str, str]] = Setting(
    "override_labels", "RAY_OVERRIDE_LABELS", {}, "Labels of a new node, as JSON."
)
PROFILING = Setting(
    "profiling",
    "RAY_PROFILING",
    False,  # noqa: FBT003 - a default, in its place
    "Accepted for old programs: `timeline` always has its events.",
)
DEBUG = Setting(
    "debug",
    "RAY_DEBUG",
    "legacy",
    "What `breakpoint()` in a task is: 1 for debugpy, anything else for pdb.",
)
DEBUG_POST_MORTEM = Setting(
    "debug_post_mortem",
    "RAY_DEBUG_POST_MORTEM",
    False,  # noqa: FBT003 - a default, in its place
    "Whether a task that raises waits for a debugger before it fails.",
)
CUDA_VISIBLE_DEVICES: Setting[str | None] = Setting(
    "cuda_visible_devices", "CUDA_VISIBLE_DEVICES", None, "The GPUs that a new node may use."
)
CLOUD_INSTANCE_ID = Setting(
    "cloud_instance_id", "RAY_CLOUD_INSTANCE_ID", "", "What a cloud calls this machine."
)

TABLE: tuple[Setting[Any], ...] = (
    ADDRESS,
    NAMESPACE,
    RUNTIME_ENV,
    JOB_CONFIG,
    OVERRIDE_JOB_RUNTIME_ENV,
    LOG_TO_DRIVER,
    DEDUP_LOGS,
    DEDUP_LOGS_AGG_WINDOW_S,
    ENABLE_AUTO_CONNECT,
    TASK_MAX_RETRIES,
    OVERRIDE_RESOURCES,
    OVERRIDE_LABELS,
    PROFILING,
    DEBUG,
    DEBUG_POST_MORTEM,
    CUDA_VISIBLE_DEVICES,
    CLOUD_INSTANCE_ID,
)


def read(setting: Setting[Value]) -> Value:
    """What the environment says now, or the default.

    Raises:
        ValueError: the text in the environment is not of the setting's type.
    """
    for name in (setting.variable, setting.twin):
        text = os.environ.get(name)
        if text is not None:
            return cast("Value", _parsed(name, text, setting.default))
    return setting.default


def variable(name: str, default: str = "") -> str:
    """A variable that is no setting of aktis, for texts that refer to one."""
    return os.environ.get(name, default)


def engine_settings() -> dict[str, int]:
    """Settings of the engine, which are whole numbers: those set as `AKTIS_ENGINE_<NAME>`.

    Raises:
        ValueError: one of them is no whole number.
    """
    named = {name: text for name, text in os.environ.items() if name.startswith(ENGINE_PREFIX)}
    return {
        name.removeprefix(ENGINE_PREFIX).lower(): int(_number(name, text, int))
        for name, text in named.items()
    }


def _parsed(name: str, text: str, default: object) -> object:
    """The text as a value of the default's type."""
    match default:
        case bool():
            return _truth(name, text)
        case int():
            return _number(name, text, int)
        case float():
            return _number(name, text, float)
        case dict():
            return _table(name, text)
        case _:
            return text


def _truth(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    message = f"{name}={text!r} is neither true nor false; use 1 or 0"
    raise ValueError(message)


def _number(name: str, text: str, kind: type[int | float]) -> float:
    try:
        return kind(text)
    except ValueError:
        message = f"{name}={text!r} is no {'whole ' if kind is int else ''}number"
        raise ValueError(message) from None


def _table(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        message = f"{name} is not JSON: {problem}"
        raise ValueError(message) from None
    if not isinstance(found, dict):
        message = f"{name} must hold a JSON object, not {text!r}"
        raise ValueError(message)  # noqa: TRY004 - the text is wrong, not its type
    return found
