"""What groups are told and what they raise: reductions, names of backends, options of operations.

Owns the words. Does not own groups (`membership`), nor what carries arrays (`store_group`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class GroupEndedError(RuntimeError):
    """The group can do nothing more: a member is gone, or one waited too long for another.

    Whoever is left destroys the group; after that it can be made again under the same name.
    """


class CallsDifferError(ValueError):
    """The members call different operations, or bring arrays that do not fit each other."""


class ReduceOp(Enum):
    """How the values of the members become one."""

    SUM = 0
    PRODUCT = 1
    MIN = 2
    MAX = 3


class Backend:
    """The names of backends; `Backend("gloo")` gives the name as it is registered."""

    NCCL = "NCCL"
    GLOO = "GLOO"

    def __new__(cls, name: str) -> str:  # type: ignore[misc]  # Ray's: the call gives a string
        """Returns the name in capitals.

        Raises:
            ValueError: no backend has the name.
        """
        known = registered_name(name)
        if getattr(cls, known, None) != known:
            message = (
                f"no backend has the name {name!r}; 'gloo' is for arrays in memory, and "
                f"register_collective_backend() adds others"
            )
            raise ValueError(message)
        return known


def registered_name(name: str) -> str:
    """The name by which a backend is registered: in capitals, and GLOO for Ray's TORCH_GLOO."""
    known = name.upper()
    return Backend.GLOO if known == "TORCH_GLOO" else known


@dataclass(frozen=True, slots=True)
class AllReduceOptions:
    """How to reduce."""

    reduceOp: ReduceOp = ReduceOp.SUM  # noqa: N815 - Ray's name


@dataclass(frozen=True, slots=True)
class BarrierOptions:
    """Nothing: a barrier has no options."""


@dataclass(frozen=True, slots=True)
class ReduceOptions:
    """How to reduce, and who gets the result."""

    reduceOp: ReduceOp = ReduceOp.SUM  # noqa: N815 - Ray's name
    root_rank: int = 0


@dataclass(frozen=True, slots=True)
class AllGatherOptions:
    """Nothing: what is gathered goes to everybody as it is."""


@dataclass(frozen=True, slots=True)
class BroadcastOptions:
    """Who has what the others get."""

    root_rank: int = 0


@dataclass(frozen=True, slots=True)
class ReduceScatterOptions:
    """How to reduce."""

    reduceOp: ReduceOp = ReduceOp.SUM  # noqa: N815 - Ray's name


@dataclass(frozen=True, slots=True)
class SendOptions:
    """To whom."""

    dst_rank: int = 0


@dataclass(frozen=True, slots=True)
class RecvOptions:
    """From whom."""

    src_rank: int = 0
