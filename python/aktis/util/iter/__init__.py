"""Iterators over items that actors produce, each actor a shard.

Owns nothing: `parallel` has the iterators over all shards, `local` those in one process.
"""

from __future__ import annotations

from aktis.util.iter.local import LocalIterator
from aktis.util.iter.parallel import (
    ParallelIterator,
    from_actors,
    from_items,
    from_iterators,
    from_range,
)
from aktis.util.iter.worker import ParallelIteratorWorker

__all__ = [
    "LocalIterator",
    "ParallelIterator",
    "ParallelIteratorWorker",
    "from_actors",
    "from_items",
    "from_iterators",
    "from_range",
]
