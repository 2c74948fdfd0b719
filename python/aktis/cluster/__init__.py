"""Head and nodes as processes on machines. Owns nothing itself: import its modules by name."""

from __future__ import annotations
