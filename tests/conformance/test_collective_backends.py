"""What carries the arrays of a group, by name.

Owns which backends there are, what is said of those that are missing, and how a program adds one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aktis.util import collective as col
from aktis.util.collective.base_group import BaseGroup
from aktis.util.collective.types import Backend, ReduceOp

pytestmark = pytest.mark.usefixtures("session")


def test_the_backend_for_arrays_in_memory_is_there_and_that_for_devices_not() -> None:
    assert col.gloo_available()
    assert not col.nccl_available()
    names = ["gloo", "Torch_Gloo", "NCCL", "tin"]
    assert [name for name in names if col.is_backend_available(name)] == ["gloo", "Torch_Gloo"]


def test_names_of_backends_are_strings_in_capitals() -> None:
    assert [Backend("gloo"), Backend("Torch_Gloo"), Backend("nccl")] == ["GLOO", "GLOO", "NCCL"]
    with pytest.raises(ValueError, match="'tin'"):
        Backend("tin")


def test_what_needs_devices_says_so() -> None:
    with pytest.raises(NotImplementedError, match="nccl"):
        col.init_collective_group(1, 0)
    for function in (
        col.allreduce_multigpu,
        col.reduce_multigpu,
        col.broadcast_multigpu,
        col.allgather_multigpu,
        col.reducescatter_multigpu,
        col.send_multigpu,
        col.recv_multigpu,
    ):
        with pytest.raises(NotImplementedError, match=r"one tensor in memory"):
            function([np.ones(1)])


def test_a_program_adds_a_backend_of_its_own() -> None:
    col.register_collective_backend("alone", Alone)
    col.init_collective_group(1, 0, "alone", "own backend")
    tensor = np.ones(2)

    col.allreduce(tensor, "own backend", ReduceOp.MAX)

    assert tensor.tolist() == [3.0, 3.0]
    assert Backend("Alone") == "ALONE"
    col.destroy_collective_group("own backend")
    for taken in ("ALONE", "torch_gloo", "nccl"):
        with pytest.raises(ValueError, match="already"):
            col.register_collective_backend(taken, Alone)
    with pytest.raises(TypeError, match="BaseGroup"):
        col.register_collective_backend("other", int)  # type: ignore[arg-type]


class Alone(BaseGroup):
    """A group of one, whose operations are the value of the reduction."""

    @classmethod
    def check_backend_availability(cls) -> bool:
        return True

    def allreduce(self, tensor: list[Any], allreduce_options: Any) -> None:
        tensor[0][:] = allreduce_options.reduceOp.value

    def barrier(self, barrier_options: Any) -> None: ...

    def reduce(self, tensor: list[Any], reduce_options: Any) -> None: ...

    def allgather(self, tensor_list: Any, tensor: Any, allgather_options: Any) -> None: ...

    def broadcast(self, tensor: list[Any], broadcast_options: Any) -> None: ...

    def reducescatter(self, tensor: Any, tensor_list: Any, reducescatter_options: Any) -> None: ...

    def send(self, tensor: list[Any], send_options: Any) -> None: ...

    def recv(self, tensor: list[Any], recv_options: Any) -> None: ...
