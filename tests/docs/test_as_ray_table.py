"""The manual's table of Ray's names is what the names resolve to.

Owns the comparison. Does not own the table (`tests.docs.as_ray_table`).
"""

from __future__ import annotations

from tests.docs.as_ray_table import computed, written


def test_the_table_in_the_manual_is_what_is_computed() -> None:
    assert written() == computed(), "run python -m tests.docs.as_ray_table"


def test_the_table_has_names_on_both_sides() -> None:
    table = written()

    assert "| `ray.types` | `ObjectRef` |  |\n" in table
    assert "| `ray.rllib` |  | all |\n" in table
