"""Amounts of a node that change while it runs: refused, as by Ray.

Owns the sentence.
"""

from __future__ import annotations

from typing import NoReturn


def set_resource(
    resource_name: str,
    capacity: float,
    node_id: str | None = None,  # noqa: ARG001 - Ray's signature
) -> NoReturn:
    """Raises `DeprecationWarning`: what a node has is said when it begins."""
    message = (
        f"set_resource({resource_name!r}, {capacity!r}): a node keeps the amounts with which it "
        f"began; give init(resources=...), or reserve them with aktis.util.placement_group"
    )
    raise DeprecationWarning(message)
