"""What a new cluster is made of, as `init` is told: checked, and then started.

Owns the options of its one node. Does not own the other arguments of `init` (`aktis.connection`),
nor the processes of the cluster (`aktis.cluster`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from aktis import labels as label_rules, options as option_table, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aktis.cluster.local import LocalCluster

ADDRESS = "127.0.0.1"
RESERVED_PREFIX = "ray.io/"
# What tasks may ask for to run on this node, and on that of the head.
_NODE_NAMES = {f"node:{ADDRESS}": 1.0, "node:__internal_head__": 1.0}
# Arguments whose names do not say what they are.
_ARGUMENTS = {
    "memory": "_memory",
    "spill_directory": "object_spilling_directory",
    "engine": "_system_config",
    "metrics_export_port": "_metrics_export_port",
}


class NodeOptions(NamedTuple):
    """What a new cluster is made of; None is what is found on the machine."""

    num_cpus: float | None
    num_gpus: float | None
    resources: dict[str, float] | None
    labels: dict[str, str] | None
    object_store_memory: int | None
    memory: int | None
    spill_directory: str | None
    engine: dict[str, int] | None
    metrics_export_port: int | None

    def given(self) -> list[str]:
        """The arguments of `init` by which some of them were given."""
        given = [name for name, value in self._asdict().items() if value is not None]
        return [_ARGUMENTS.get(name, name) for name in given]

    def start(self) -> LocalCluster:
        """Starts a cluster of one node like this.

        Raises:
            TypeError: a value is of the wrong type.
            ValueError: a value makes no sense.
            RuntimeError: the cluster did not start.
            OSError: the directory for objects that do not fit into memory cannot be made.
        """
        from aktis.cluster import detect, local

        custom = (self.resources or {}) | settings.read(settings.OVERRIDE_RESOURCES)
        store = self.object_store_memory
        option_table.check_amount("object_store_memory", store)
        option_table.check_amount("_memory", self.memory)
        if store is not None and store < detect.OBJECT_STORE_BYTES_MIN:
            message = (
                f"object_store_memory must be at least {detect.OBJECT_STORE_BYTES_MIN}, not {store}"
            )
            raise ValueError(message)
        amounts = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus, "resources": custom}
        option_table.checked("task", amounts)
        offered = local.resources(
            num_cpus=self.num_cpus,
            num_gpus=self.num_gpus,
            custom=custom | _NODE_NAMES,
            memory_bytes=self.memory,
            object_store_bytes=None if store is None else int(store),
            visible_gpus=settings.read(settings.CUDA_VISIBLE_DEVICES),
        )
        return local.start(
            offered,
            labels=_labels(self.labels),
            settings={**settings.engine_settings(), **(self.engine or {})},
            spill_directory=_spill_directory(self.spill_directory),
        )


def _labels(given: Mapping[str, str] | None) -> dict[str, str]:
    """The labels of the node, with those in the environment.

    Raises:
        ValueError: one of them makes no sense, or is the engine's.
    """
    named = dict(given or {}) | settings.read(settings.OVERRIDE_LABELS)
    for label, text in named.items():
        label_rules.checked_label(label, text)
        if label.startswith(RESERVED_PREFIX):
            message = f"label {label!r}: names that begin with {RESERVED_PREFIX!r} are the engine's"
            raise ValueError(message)
    return named


def _spill_directory(given: str | os.PathLike[str] | None) -> Path | None:
    """The directory for objects that do not fit into memory, made if it is not there.

    Raises:
        OSError: it cannot be made.
        NotImplementedError: it is elsewhere.
    """
    from pathlib import Path

    if given is None:
        return None
    name = os.fspath(given)
    if "://" in name:
        message = f"object_spilling_directory={name!r}: only directories of this machine yet"
        raise NotImplementedError(message)
    directory = Path(name)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
