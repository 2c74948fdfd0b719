"""Publishes functions and classes, and fetches those that others published.

Owns their pickles on the way to and from the head's table. Does not own the cache of what was
fetched (Rust), nor when a function is published (`aktis.remote_function`, `aktis.actors`).
"""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any, cast

from aktis._kernel import queries
from aktis._kernel.session import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from aktis._kernel.session import Session

ID_BYTES = 16
MEGABYTE = 1024 * 1024
# A function this large carries data along that `put` would share between its calls.
PICKLE_BYTES_SUSPECT = 10 * MEGABYTE
PICKLE_BYTES_MAX = 100 * MEGABYTE


class Published:
    """A function or class as it is when a session first needs it, whatever its options then are."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._known: tuple[Session, bytes] | None = None

    def id(self, here: Session) -> bytes:
        """Its id in a session; raises what `publish` does."""
        known = self._known
        if known is None or known[0] is not here:
            known = self._known = (here, publish(self._function))
        return known[1]


def publish(function: Callable[..., Any]) -> bytes:
    """Pickles a function or class as it is now and gives the id under which workers find it.

    Raises:
        ValueError: its pickle is larger than 100 MB.
        TypeError: something in its closure cannot be pickled.
    """
    import hashlib

    from aktis._kernel import carrying

    session = require()
    name = getattr(function, "__qualname__", repr(function))
    what = f"{'class' if isinstance(function, type) else 'function'} {name}"
    try:
        pickled = carrying.dumps(function)
    except (TypeError, pickle.PicklingError) as error:
        from aktis._kernel import culprits

        raise culprits.explained(error, function, what, name) from error
    _check_size(what, len(pickled))
    function_id = hashlib.blake2b(pickled, digest_size=ID_BYTES).digest()
    known = (session.job_id, function_id)
    if known not in session.published:
        put = {"job": session.job_id, "function": function_id, "pickle": pickled}
        session.engine.tell({"PutFunction": put})
        session.published.add(known)
    return function_id


def fetch(function_id: bytes, job: int) -> Callable[..., Any]:
    """The function or class that was published under this id for this job.

    Raises:
        ImportError: it needs a module that this process does not find.
    """
    pickled = queries.function(job, function_id)
    if pickled is None:
        message = f"the head knows no function {function_id.hex()} of job {job}"
        raise LookupError(message)
    try:
        fetched = cast("Callable[..., Any]", pickle.loads(pickled))
    except Exception as error:
        error.add_note(
            "This was raised as the function was unpickled in the worker, and not by it."
        )
        raise
    tracer = require().tracer
    return fetched if tracer is None or isinstance(fetched, type) else tracer.traced(fetched)


def _check_size(what: str, size: int) -> None:
    if size <= PICKLE_BYTES_SUSPECT:
        return
    found = f"the pickle of {what} has {size / MEGABYTE:.0f} MB"
    if size > PICKLE_BYTES_MAX:
        message = (
            f"{found}, and the limit is {PICKLE_BYTES_MAX // MEGABYTE} MB; "
            "store what its closure holds with put() and pass the ref"
        )
        raise ValueError(message)
    from aktis._kernel import tracebacks

    message = f"{found}; store what it holds with put() and pass the ref"
    warnings.warn(message, stacklevel=tracebacks.level_of_user())
