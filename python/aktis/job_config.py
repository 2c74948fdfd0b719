"""What holds for a whole job: its environment, namespace, metadata, and the lifetime of its actors.

Owns `JobConfig`. Does not own how a job begins (`aktis.connection`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from aktis.options import LIFETIMES
from aktis.runtime_env import RuntimeEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aktis.logging_config import LoggingConfig

NON_DETACHED = "non_detached"


class JobConfig:
    """What `init(job_config=...)` takes.

    Raises:
        NotImplementedError: code in other languages, or local code paths, which are not there yet.
        ValueError: the lifetime is neither "detached" nor "non_detached".
    """

    def __init__(  # noqa: PLR0917 - Ray's signature
        self,
        jvm_options: list[str] | None = None,
        code_search_path: list[str] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        ray_namespace: str | None = None,
        default_actor_lifetime: str = NON_DETACHED,
        _disable_job_level_lineage_reconstruction: bool = False,  # noqa: FBT001, FBT002 - Ray's signature
        _py_driver_sys_path: list[str] | None = None,
    ) -> None:
        if jvm_options or code_search_path:
            message = "jvm_options and code_search_path are not there yet: code is Python only"
            raise NotImplementedError(message)
        self.jvm_options = jvm_options or []
        self.code_search_path = code_search_path or []
        self.metadata = dict(metadata or {})
        self.ray_namespace = ray_namespace
        self.py_logging_config: LoggingConfig | None = None
        self._py_driver_sys_path = _py_driver_sys_path or []
        self.set_runtime_env(runtime_env)
        self.set_default_actor_lifetime(default_actor_lifetime)

    @classmethod
    def from_json(cls, job_config_json: Mapping[str, Any]) -> Self:
        """The config that somebody wrote as plain values."""
        return cls(
            runtime_env=job_config_json.get("runtime_env"),
            metadata=job_config_json.get("metadata"),
            ray_namespace=job_config_json.get("ray_namespace"),
            default_actor_lifetime=job_config_json.get("default_actor_lifetime", NON_DETACHED),
        )

    def set_metadata(self, key: str, value: str) -> None:
        """Adds one entry to what is noted about the job."""
        self.metadata[key] = value

    def set_runtime_env(
        self,
        runtime_env: Mapping[str, Any] | None,
        validate: bool = True,  # noqa: ARG002, FBT001, FBT002 - Ray's signature
    ) -> None:
        """Replaces the runtime environment of the job."""
        self.runtime_env = RuntimeEnv.of(runtime_env)

    def set_ray_namespace(self, ray_namespace: str) -> None:
        """Replaces the namespace of the job."""
        self.ray_namespace = ray_namespace

    def set_default_actor_lifetime(self, default_actor_lifetime: str) -> None:
        """Replaces the lifetime of actors that do not say theirs."""
        if default_actor_lifetime not in LIFETIMES:
            message = (
                f"default_actor_lifetime must be one of {', '.join(LIFETIMES)}, "
                f"not {default_actor_lifetime!r}"
            )
            raise ValueError(message)
        self.default_actor_lifetime = default_actor_lifetime

    def set_py_logging_config(self, logging_config: LoggingConfig | None) -> None:
        """Sets how workers log, unless `init` is given a `logging_config` itself."""
        self.py_logging_config = logging_config

    def serialize(self) -> str:
        """The config as JSON, for whoever starts the job elsewhere."""
        return json.dumps(
            {
                "runtime_env": dict(self.runtime_env),
                "metadata": self.metadata,
                "ray_namespace": self.ray_namespace,
                "default_actor_lifetime": self.default_actor_lifetime,
            }
        )


def adopt(config: JobConfig | None) -> None:
    """Makes this the config of the job that this process drives; None forgets the last one."""
    _configs[:] = [config] if config is not None else []


def default_actor_lifetime() -> str:
    """The lifetime of actors that do not say theirs."""
    return _configs[-1].default_actor_lifetime if _configs else NON_DETACHED


# At most one: that of the job which this process drives.
_configs: list[JobConfig] = []
