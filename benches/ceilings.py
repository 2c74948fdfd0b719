"""What this machine allows at best, by the same clock and in the same run as the engines.

Owns the bare primitives: sockets, copies, shared memory, processes. Imports no engine.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from benches.trial import Measure, Row, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

COPY_BYTES = 128 * 1024 * 1024
PING_PONG_ROUNDS = 500
HANDOVER_ROUNDS = 5_000
SPINS_MAX = 100_000_000
MESSAGE_BYTES = 64


def measure_ceilings(trial: Trial) -> None:
    """Records every ceiling; needs nothing but the operating system."""
    cores = sorted(os.sched_getaffinity(0))
    ours, theirs = cores[0], cores[-1]
    # Where the kernel puts two processes that wake each other decides how fast they are, so it is
    # not left to the kernel.
    _ping_pong(trial, "socket_ping_pong", {ours}, {theirs})
    _ping_pong(trial, "socket_ping_pong_one_core", {ours}, {ours})
    _handover(trial, {ours}, {theirs})
    os.sched_setaffinity(0, cores)
    _copies(trial)
    _processes(trial)


def _ping_pong(trial: Trial, name: str, our_cores: set[int], their_cores: set[int]) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    message = b"x" * MESSAGE_BYTES

    def echo() -> None:
        os.sched_setaffinity(0, their_cores)
        ours.close()
        while received := theirs.recv(MESSAGE_BYTES):
            theirs.sendall(received)

    def round_trips() -> None:
        for _ in range(PING_PONG_ROUNDS):
            ours.sendall(message)
            ours.recv(MESSAGE_BYTES)

    child = _fork(echo)
    os.sched_setaffinity(0, our_cores)
    theirs.close()
    trial.rate(name, round_trips, count=PING_PONG_ROUNDS)
    ours.close()
    os.waitpid(child, 0)


def _handover(trial: Trial, our_cores: set[int], their_cores: set[int]) -> None:
    # Each side spins on its own cache line.
    words = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")
    ping, pong, stop = 0, 8, 2**63

    def await_change(word: int, seen: int) -> int:
        for _ in range(SPINS_MAX):
            if (value := words[word]) != seen:
                return value
        message = "the other process did not answer"
        raise TimeoutError(message)

    def answer() -> None:
        os.sched_setaffinity(0, their_cores)
        seen = 0
        while seen != stop:
            seen = await_change(ping, seen)
            words[pong] = seen

    def hand_over() -> None:
        for _ in range(HANDOVER_ROUNDS):
            before = words[pong]
            words[ping] = before + 1
            await_change(pong, before)

    child = _fork(answer)
    os.sched_setaffinity(0, our_cores)
    trial.rate("shared_memory_ping_pong", hand_over, count=HANDOVER_ROUNDS)
    words[ping] = stop
    os.waitpid(child, 0)


def _copies(trial: Trial) -> None:
    source, warm = mmap.mmap(-1, COPY_BYTES), _shared_memory()
    private = mmap.mmap(-1, COPY_BYTES)
    gigabytes = COPY_BYTES / 1e9
    for block in (source, private, warm):
        ctypes.memset(_address(block), 1, COPY_BYTES)
    for name, target in (("memcpy_warm", private), ("shared_memory_warm", warm)):
        trial.rate(name, _copy(target, source), count=gigabytes)
    for _ in range(trial.effort.windows):
        cold = _shared_memory()
        copy = _copy(cold, source)
        start = perf_counter()
        copy()
        trial.record("shared_memory_cold", gigabytes / (perf_counter() - start))


def _processes(trial: Trial) -> None:
    def fork_and_reap() -> None:
        os.waitpid(_fork(lambda: None), 0)

    def start_interpreter() -> None:
        subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)

    trial.latency("fork", fork_and_reap)
    trial.latency("interpreter_start", start_interpreter)


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def _shared_memory() -> mmap.mmap:
    descriptor = os.memfd_create("ceiling")
    os.ftruncate(descriptor, COPY_BYTES)
    block = mmap.mmap(descriptor, COPY_BYTES)
    os.close(descriptor)
    return block


def _copy(target: mmap.mmap, source: mmap.mmap) -> Callable[[], object]:
    to, origin = _address(target), _address(source)
    return lambda: (ctypes.memmove(to, origin, COPY_BYTES), target, source)


def _address(block: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(block))


ROWS = (
    Row(
        "ceilings",
        measure_ceilings,
        (
            Measure("socket_ping_pong", "round trips/s", "higher", "two wake-ups across cores"),
            Measure("socket_ping_pong_one_core", "round trips/s", "higher", "two switches"),
            Measure("shared_memory_ping_pong", "round trips/s", "higher", "both sides awake"),
            Measure("memcpy_warm", "GB/s", "higher", "memory bandwidth, one core"),
            Measure("shared_memory_warm", "GB/s", "higher", "a copy into touched pages"),
            Measure("shared_memory_cold", "GB/s", "higher", "a page fault for each page"),
            Measure("fork", "us", "lower", "copying the page tables of a small process"),
            Measure("interpreter_start", "us", "lower", "exec and a bare interpreter"),
        ),
        needs_engine=False,
    ),
)
