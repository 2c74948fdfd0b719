"""The version of aktis, as the package was built."""

from __future__ import annotations

__version__ = "0.1.0"
