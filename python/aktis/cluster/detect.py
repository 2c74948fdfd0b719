"""How many CPUs, how much memory and which GPUs this machine, or the container around it, has.

Owns: where the numbers are found. Does not own: what is done with them (`aktis.cluster.local`).
Everything that may be absent is: no file and no tool is required.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OBJECT_STORE_SHARE = 0.3
OBJECT_STORE_BYTES_MIN = 75 << 20
OBJECT_STORE_BYTES_MAX = 200_000_000_000
NVIDIA_SMI_LIMIT_S = 5.0
CGROUPS = Path("/sys/fs/cgroup")
NVIDIA_DEVICES = Path("/proc/driver/nvidia/gpus")


def cpus() -> int:
    """CPUs that this process may use at once: at least 1, fractions rounded up."""
    count = len(os.sched_getaffinity(0))
    limits = [limit for limit in map(cpu_limit, control_groups("cpu")) if limit is not None]
    return max(1, min(count, *(int(-(-limit // 1)) for limit in limits)) if limits else count)


def memory_bytes() -> int:
    """Memory that this process and its children may use in all."""
    limits = [limit for limit in map(memory_limit, control_groups("memory")) if limit is not None]
    return min(meminfo("MemTotal"), *limits) if limits else meminfo("MemTotal")


def memory_free_bytes() -> int:
    """Memory that is still to be had without taking it from others."""
    free = meminfo("MemAvailable")
    for group in control_groups("memory"):
        limit = memory_limit(group)
        if limit is not None:
            free = min(free, max(0, limit - memory_used(group)))
    return free


def object_store_bytes() -> int:
    """The size of an object store if none was given: 30% of the free memory, within limits."""
    share = int(memory_free_bytes() * OBJECT_STORE_SHARE)
    return max(OBJECT_STORE_BYTES_MIN, min(share, OBJECT_STORE_BYTES_MAX))


def gpus(visible: str | None) -> list[str]:
    """The GPUs that may be used, as CUDA names them.

    Args:
        visible: the content of `CUDA_VISIBLE_DEVICES`, or None where it is not set.
    """
    if visible is not None:
        named = [name.strip() for name in visible.split(",")]
        # CUDA ends the list at the first name that it does not know.
        return named[: named.index("-1")] if "-1" in named else [name for name in named if name]
    return [str(index) for index in range(gpu_count())]


def gpu_count() -> int:
    """GPUs of this machine that a driver speaks for."""
    try:
        return sum(1 for _ in NVIDIA_DEVICES.iterdir())
    except OSError:
        return len(listed_by_tool())


def gpu_model() -> str | None:
    """The model of the first GPU, as its driver calls it."""
    for name in (*driver_models(), *listed_by_tool()):
        return name
    return None


def driver_models() -> Iterator[str]:
    """The models that the driver tells of, in files."""
    try:
        devices = sorted(NVIDIA_DEVICES.iterdir())
    except OSError:
        return
    for device in devices:
        for line in lines_of(device / "information"):
            if line.startswith("Model:"):
                yield line.partition(":")[2].strip()


def listed_by_tool() -> list[str]:
    """The models that `nvidia-smi` lists, where there is one."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=NVIDIA_SMI_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def control_groups(controller: str) -> list[Path]:
    """The control groups whose limits count for this process, the innermost first."""
    found: list[Path] = []
    for line in lines_of(Path("/proc/self/cgroup")):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top = CGROUPS
        elif controller in controllers.split(","):
            top = CGROUPS / controller
        else:
            continue
        own = top / path.strip().lstrip("/")
        # In a container the path may be that of the host, of which only the top is to be seen.
        found += [group for group in (own, *own.parents) if group.is_relative_to(top)]
    return [group for group in found if group.is_dir()]


def cpu_limit(group: Path) -> float | None:
    """The CPUs that a control group may use at once, if there is a limit."""
    fields = first_line(group / "cpu.max").split()
    if not fields:
        fields = [first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us")]
    return ratio(fields)


def ratio(fields: Sequence[str]) -> float | None:
    """A quota over its period, or None for "max", -1 and what is missing."""
    try:
        quota, period = (int(field) for field in fields)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def memory_limit(group: Path) -> int | None:
    """The memory that a control group may use, if there is a limit."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = first_line(group / name)
        if text.isdigit():
            return int(text)
    return None


def memory_used(group: Path) -> int:
    """The memory that a control group uses and would not give back if asked."""
    for name in ("memory.current", "memory.usage_in_bytes"):
        text = first_line(group / name)
        if text.isdigit():
            return max(0, int(text) - inactive_file_bytes(group))
    return 0


def inactive_file_bytes(group: Path) -> int:
    """Memory of a control group that only holds what is on disk too."""
    for line in lines_of(group / "memory.stat"):
        name, _, value = line.partition(" ")
        if name in {"inactive_file", "total_inactive_file"}:
            return int(value)
    return 0


def meminfo(name: str) -> int:
    """One of the kernel's numbers about memory, in bytes."""
    for line in lines_of(Path("/proc/meminfo")):
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return 0


def first_line(path: Path) -> str:
    """The first line of a file, or "" if there is none."""
    return next(iter(lines_of(path)), "")


def lines_of(path: Path) -> list[str]:
    """The lines of a small file, or none if it cannot be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
