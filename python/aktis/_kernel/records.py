"""Log records of user code, as `LoggingConfig` has them written: their format, level and ids.

Owns the handler that writes them. Does not own the way of what is written to the driver's terminal
(the node, `aktis._kernel.logs`).
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, TextIO

from aktis import _core
from aktis._kernel import context, session

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB_ID_BYTES = 4
ENGINE_LOGGER = "aktis"
TEXT_FORMAT = "%(asctime)s %(levelname)s %(filename)s:%(lineno)d -- %(message)s"
STANDARD = ("levelname", "filename", "lineno", "process")


def configure(*, encoding: str, log_level: str, attributes: Sequence[str]) -> None:
    """Has records of this process written from this level on, instead of as said before.

    Args:
        encoding: "TEXT" or "JSON".
        log_level: The level.
        attributes: Further attributes of records that are to be written.
    """
    form = _Json(attributes) if encoding == "JSON" else _Text(attributes)
    handler = _Handler()
    handler.setFormatter(form)
    root = logging.getLogger()
    for former in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(log_level)
    logging.getLogger(ENGINE_LOGGER).setLevel(log_level)


def ids() -> dict[str, str]:
    """Where a record is made: the job, node and process, and what runs in this thread."""
    here = session.current()
    if here is None:
        return {}
    found = {"worker_id": here.worker_id.hex(), "node_id": here.node_id.hex()}
    execution = _core.execution_here()
    if here.is_driver or execution is not None:
        found["job_id"] = here.job_id.to_bytes(JOB_ID_BYTES, "little").hex()
    task = context.current()
    if task is not None:
        found["task_id"] = task.task_id.hex()
        found["task_name"] = task.task_name
        found["task_func_name"] = task.function_name
        if task.actor_id is not None:
            found["actor_id"] = task.actor_id.hex()
            found["actor_name"] = task.actor_name
    return found


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error; there is one in a process."""


class _Text(logging.Formatter):
    """A line for people, its ids behind the message."""

    def __init__(self, attributes: Sequence[str]) -> None:
        super().__init__(TEXT_FORMAT)
        self._attributes = tuple(attributes)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by logging
        """The line without a traceback."""
        further = {name: getattr(record, name, None) for name in self._attributes}
        told = " ".join(f"{name}={value}" for name, value in {**further, **ids()}.items())
        return f"{super().formatMessage(record)} {told}"


class _Json(logging.Formatter):
    """One JSON object in a line."""

    def __init__(self, attributes: Sequence[str]) -> None:
        super().__init__()
        self._attributes = (*STANDARD, *attributes)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, object] = {
            "asctime": self.formatTime(record),
            "message": record.getMessage(),
            **{name: getattr(record, name, None) for name in self._attributes},
            **ids(),
            "timestamp_ns": int(record.created * 1e9),
        }
        if record.exc_info:
            fields["exc_text"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=repr)
