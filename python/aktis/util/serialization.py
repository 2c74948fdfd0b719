"""Serializers of a program's own: for what the session carries, and for what a program pickles.

Owns the second kind. The first is `aktis.serializers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aktis import cloudpickle
from aktis.serializers import deregister_serializer, register_serializer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StandaloneSerializationContext", "deregister_serializer", "register_serializer"]


class StandaloneSerializationContext:
    """Serializers for what this process pickles with `aktis.cloudpickle`; no session is needed.

    A session takes them too, but only for values that plain pickle cannot carry; for all of them
    there is `register_serializer`. The names of the methods are Ray's.
    """

    def _register_cloudpickle_serializer(
        self,
        cls: type,
        custom_serializer: Callable[[Any], Any],
        custom_deserializer: Callable[[Any], Any],
    ) -> None:
        """Has instances of exactly `cls` pickled as what `custom_serializer` makes of them."""
        self._register_cloudpickle_reducer(
            cls, lambda value: (custom_deserializer, (custom_serializer(value),))
        )

    def _register_cloudpickle_reducer(
        self, cls: type, reducer: Callable[[Any], tuple[Any, ...]]
    ) -> None:
        """Has instances of exactly `cls` pickled as `reducer` says, in the words of `copyreg`."""
        cloudpickle.CloudPickler.dispatch_table[cls] = reducer

    def _unregister_cloudpickle_reducer(self, cls: type) -> None:
        """Forgets what was registered for `cls`; harmless if nothing was."""
        cloudpickle.CloudPickler.dispatch_table.pop(cls, None)
