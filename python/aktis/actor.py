"""Actors under the module path that programs know: classes, handles, methods, and leaving.

Owns nothing: `aktis.actors`, `aktis.actor_handles` and `aktis.methods` do.
"""

from __future__ import annotations

from aktis._typing import ActorProxy
from aktis.actor_handles import ActorHandle, ActorMethod
from aktis.actors import ActorClass, ActorClassInheritanceException, exit_actor
from aktis.methods import method

__all__ = [
    "ActorClass",
    "ActorClassInheritanceException",
    "ActorHandle",
    "ActorMethod",
    "ActorProxy",
    "exit_actor",
    "method",
]
