"""Rows whose cost grows with a count or a size: many tasks, many actors, big objects.

Owns the workloads only; `benches.trial` owns clocks and records.
"""

from __future__ import annotations
