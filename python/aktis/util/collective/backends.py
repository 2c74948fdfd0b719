"""Which backends there are, by name.

Owns the table of this process and what is said of backends that are missing. Does not own what a
backend does (`base_group`, `store_group`).
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from aktis.util.collective.base_group import BaseGroup
from aktis.util.collective.types import Backend, registered_name

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDS_NUMPY = "groups of arrays in memory need NumPy: pip install 'aktis[collective]'"
NEEDS_DEVICES = (
    "the backend 'nccl' moves arrays between GPUs with NCCL, which aktis does not drive yet; "
    "backend='gloo' is for arrays in memory"
)


def register_collective_backend(name: str, group_cls: type[BaseGroup]) -> None:
    """Adds a backend in this process; every process of a group needs it.

    Args:
        name: Its name, in any case; afterwards it is an attribute of `Backend`, in capitals.
        group_cls: What a member makes of `(world_size, rank, group_name)`.

    Raises:
        TypeError: `group_cls` does not derive from `BaseGroup`.
        ValueError: the name is taken.
    """
    if not issubclass(group_cls, BaseGroup):
        message = f"a backend derives from BaseGroup, which {group_cls!r} does not"
        raise TypeError(message)
    known = registered_name(name)
    if known in _registered or known in {Backend.GLOO, Backend.NCCL}:
        message = f"there is a backend {known} already"
        raise ValueError(message)
    _registered[known] = group_cls
    setattr(Backend, known, known)


def gloo_available() -> bool:
    """Whether groups of arrays in memory can be made: NumPy is there."""
    return importlib.util.find_spec("numpy") is not None


def nccl_available() -> bool:
    """False: arrays between GPUs are not there yet."""
    return False


def is_backend_available(backend: str) -> bool:
    """Whether this process knows the backend and has what it needs."""
    known = registered_name(backend)
    if known == Backend.GLOO:
        return gloo_available()
    return known in _registered and _registered[known].check_backend_availability()


def maker_of(backend: str) -> Callable[..., BaseGroup]:
    """What makes a member of a group.

    Raises:
        NotImplementedError: the backend is not there yet.
        RuntimeError: this process lacks what the backend needs.
        ValueError: no backend has the name.
    """
    known = Backend(backend)
    if known == Backend.NCCL:
        raise NotImplementedError(NEEDS_DEVICES)
    if not is_backend_available(known):
        message = (
            NEEDS_NUMPY if known == Backend.GLOO else f"the backend {known} lacks what it needs"
        )
        raise RuntimeError(message)
    if known == Backend.GLOO:
        from aktis.util.collective.store_group import StoreGroup

        return StoreGroup
    return _registered[known]


_registered: dict[str, type[BaseGroup]] = {}
