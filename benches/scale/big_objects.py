"""Arrays of many megabytes into the object store and out of it.

Owns values that go through shared memory. Does not own small ones: `micro.objects` does.
"""

from __future__ import annotations

import importlib
from functools import partial
from time import perf_counter
from typing import Any

from benches.goals import RayBest, ShareOf
from benches.trial import Effort, Measure, Row, Trial

ITEM_BYTES = 8


def put_large(trial: Trial) -> None:
    """Puts an array again and again, each ref dropped at once; the very first put stands apart."""
    engine = trial.start()
    for size_bytes in reversed(trial.effort.array_bytes):
        array = _array(size_bytes)
        name = _name("put", size_bytes)
        start = perf_counter()
        engine.put(array)
        if size_bytes == trial.effort.array_bytes[-1]:
            trial.record("put_first", size_bytes / 1e9 / (perf_counter() - start))
        trial.rate(name, partial(engine.put, array), count=size_bytes / 1e9)


def get_large(trial: Trial) -> None:
    """Gets an array that this machine holds and drops it; fails if what comes is a copy."""
    engine = trial.start()
    for size_bytes in trial.effort.array_bytes:
        ref = engine.put(_array(size_bytes))
        value = engine.get(ref)
        if value.nbytes != size_bytes or value.flags.owndata or value.flags.writeable:
            message = f"get of {size_bytes} bytes gave no read-only view of shared memory"
            raise AssertionError(message)
        trial.latency(_name("get", size_bytes), partial(engine.get, ref))


def _array(size_bytes: int) -> Any:
    # Ones, because the pages of a zeroed array are not there until written.
    numpy = importlib.import_module("numpy")
    return numpy.ones(size_bytes // ITEM_BYTES, dtype=numpy.int64)


def _name(verb: str, size_bytes: int) -> str:
    return f"{verb}_{size_bytes // 1_000_000}mb"


SIZES = Effort.full().array_bytes
PUT_GOALS = (ShareOf("memcpy_warm", 0.8), RayBest())
ROWS = (
    Row(
        "put_large",
        put_large,
        (
            Measure("put_first", "GB/s", "higher", "shared_memory_cold, unless touched ahead"),
            *(
                Measure(_name("put", size), "GB/s", "higher", "memcpy_warm", PUT_GOALS)
                for size in SIZES
            ),
        ),
        timeout_s=240.0,
    ),
    Row(
        "get_large",
        get_large,
        tuple(
            Measure(_name("get", size), "us", "lower", "a lookup; the size does not matter")
            for size in SIZES
        ),
    ),
)
