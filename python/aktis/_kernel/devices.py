"""Shows user code the devices and CPUs that its lease holds, by the variables that libraries read.

Owns those variables. Does not own which devices there are (`aktis.cluster.detect`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The variables by which each kind of device is chosen.
VARIABLES = {
    "GPU": ("CUDA_VISIBLE_DEVICES",),
    "TPU": ("TPU_VISIBLE_CHIPS",),
    "NPU": ("ASCEND_RT_VISIBLE_DEVICES",),
    "HPU": ("HABANA_VISIBLE_MODULES",),
    "neuron_cores": ("NEURON_RT_VISIBLE_CORES",),
}
THREADS = "OMP_NUM_THREADS"

# The user chose the number of threads, in the driver or in a runtime environment.
_threads_are_chosen = THREADS in os.environ


def show(resources: Mapping[str, float], devices: Mapping[str, Sequence[int]]) -> None:
    """Sets the variables for what is held: in one process it is always the same devices."""
    for kind, indexes in devices.items():
        for variable in VARIABLES.get(kind, ()):
            os.environ[variable] = ",".join(str(index) for index in indexes)
    if not _threads_are_chosen:
        os.environ[THREADS] = str(max(int(resources.get("CPU", 0)), 1))
