"""Rows that repeat one small operation many times.

Owns the workloads only; `benches.trial` owns clocks and records.
"""

from __future__ import annotations
