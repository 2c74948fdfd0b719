"""The error of the state API."""

from __future__ import annotations

__all__ = ["StateApiException"]


class StateApiException(Exception):  # noqa: N818 - as it is named in Ray
    """The state of the cluster cannot be told, or not all of it; the message says why."""
