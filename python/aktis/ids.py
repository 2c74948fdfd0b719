"""The ids that programs see: of jobs, nodes, workers, tasks, actors, functions and groups.

Owns their sizes and printed forms. Does not own the id of an object, which is a ref and holds the
object (`aktis.ObjectRef`), nor who counts ids up (the engine).
"""

from __future__ import annotations

import os
from typing import ClassVar, Self

__all__ = [
    "ActorClassID",
    "ActorID",
    "FunctionID",
    "JobID",
    "NodeID",
    "PlacementGroupID",
    "TaskID",
    "UniqueID",
    "WorkerID",
]

_NO_ACTOR = b"\xff\xff\xff\xff"


class _Id:
    """Some bytes that name one thing: immutable, hashable, equal only to ids of the same kind."""

    __slots__ = ("_bytes",)

    SIZE: ClassVar[int] = 28

    def __init__(self, identifier: bytes) -> None:
        if len(identifier) != self.SIZE:
            message = f"{type(self).__name__} takes {self.SIZE} bytes, not {identifier!r}"
            raise ValueError(message)
        self._bytes = identifier

    @classmethod
    def from_binary(cls, identifier: bytes) -> Self:
        """The id of these bytes."""
        return cls(identifier)

    @classmethod
    def from_hex(cls, identifier: str) -> Self:
        """The id of these bytes, in hexadecimal."""
        return cls(bytes.fromhex(identifier))

    @classmethod
    def nil(cls) -> Self:
        """The id that names nothing."""
        return cls(b"\xff" * cls.SIZE)

    @classmethod
    def size(cls) -> int:
        """How many bytes an id of this kind has."""
        return cls.SIZE

    def binary(self) -> bytes:
        """The bytes."""
        return self._bytes

    def hex(self) -> str:
        """The bytes in hexadecimal."""
        return self._bytes.hex()

    def is_nil(self) -> bool:
        """Whether it names nothing."""
        return self._bytes == b"\xff" * self.SIZE

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.binary() == self._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hex()})"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self._bytes,)


class UniqueID(_Id):
    """An id without inner structure."""

    __slots__ = ()

    @classmethod
    def from_random(cls) -> Self:
        """An id that nothing else has."""
        return cls(os.urandom(cls.SIZE))


class NodeID(UniqueID):
    """Names a node."""

    __slots__ = ()


class WorkerID(UniqueID):
    """Names a process that runs user code."""

    __slots__ = ()


class FunctionID(UniqueID):
    """Names a pickled function or class."""

    __slots__ = ()


class ActorClassID(UniqueID):
    """Names a pickled actor class."""

    __slots__ = ()


class JobID(_Id):
    """Names all that one driver starts; jobs are counted from 1."""

    __slots__ = ()

    SIZE: ClassVar[int] = 4

    @classmethod
    def from_int(cls, number: int) -> Self:
        """The id of the job with this number."""
        return cls(number.to_bytes(cls.SIZE, "little"))


class ActorID(_Id):
    """Names an actor; its end is the job whose driver, directly or not, made it."""

    __slots__ = ()

    SIZE: ClassVar[int] = 16

    def job_id(self) -> JobID:
        """The job to which the actor belongs."""
        return JobID(self._bytes[-JobID.SIZE :])


class TaskID(_Id):
    """Names a task; it ends in the actor that runs it, or in bytes that say that none does."""

    __slots__ = ()

    SIZE: ClassVar[int] = 24

    def actor_id(self) -> ActorID:
        """The actor that runs the task, or the nil id."""
        actor = self._bytes[-ActorID.SIZE :]
        if actor[8:12] == _NO_ACTOR:
            return ActorID.nil()
        return ActorID(actor)

    def job_id(self) -> JobID:
        """The job to which the task belongs."""
        return JobID(self._bytes[-JobID.SIZE :])


class PlacementGroupID(_Id):
    """Names a placement group."""

    __slots__ = ()

    SIZE: ClassVar[int] = 18
