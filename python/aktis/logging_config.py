"""How a job logs: format, level and fields of its log records.

Owns `LoggingConfig` and its checks. Does not own what writes them (`aktis._kernel.records`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ENCODINGS = ("TEXT", "JSON")


class LoggingConfig:
    """What `init(logging_config=...)` takes.

    Raises:
        ValueError: the encoding is neither "TEXT" nor "JSON".
    """

    def __init__(
        self,
        encoding: str = "TEXT",
        log_level: str = "INFO",
        additional_log_standard_attrs: Sequence[str] = (),
    ) -> None:
        if encoding not in ENCODINGS:
            message = f"encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}"
            raise ValueError(message)
        self.encoding = encoding
        self.log_level = log_level
        self.additional_log_standard_attrs = list(additional_log_standard_attrs)

    def applied(self) -> dict[str, Any]:
        """Has this process write its records so, and returns what workers need to do it, too."""
        from aktis._kernel import records

        settings: dict[str, Any] = {
            "encoding": self.encoding,
            "log_level": self.log_level,
            "attributes": self.additional_log_standard_attrs,
        }
        records.configure(**settings)
        return settings
