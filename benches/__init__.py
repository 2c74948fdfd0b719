"""Measurements of the built product, alone and beside Ray.

Owns the measures, their goals and how they are taken. Does not judge correctness: `tests` does.
"""

from __future__ import annotations
