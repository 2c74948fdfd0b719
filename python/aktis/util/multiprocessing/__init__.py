"""`multiprocessing.Pool` on the cluster, under the names that programs know.

Owns nothing: `aktis.util.multiprocessing.pool` does.
"""

from __future__ import annotations

from multiprocessing import JoinableQueue, TimeoutError  # noqa: A004 - the standard library's name

from aktis.util.multiprocessing.pool import Pool
from aktis.util.multiprocessing.results import AsyncResult

__all__ = ["AsyncResult", "JoinableQueue", "Pool", "TimeoutError"]
