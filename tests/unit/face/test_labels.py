"""Selectors of labels: how they are written, and which labels satisfy them.

Owns the syntax; where a task goes is the engine's.
"""

from __future__ import annotations

from typing import Any

import pytest

from aktis.labels import checked_label, holds, rules_of

NORTH = {"zone": "north"}


@pytest.mark.parametrize(
    ("selector", "rule", "is_true"),
    [
        ("north", (["north"], False), True),
        ("!north", (["north"], True), False),
        ("in(north,west)", (["north", "west"], False), True),
        ("!in(south, west)", (["south", "west"], True), True),
        ("", ([""], False), False),
    ],
)
def test_a_selector_is_a_rule(
    selector: str, rule: tuple[list[str], bool], *, is_true: bool
) -> None:
    rules = rules_of({"zone": selector})

    assert rules == [("zone", *rule)]
    assert holds(rules, NORTH) is is_true


def test_rules_about_presence() -> None:
    assert holds([("zone", None, False), ("rack", None, True)], NORTH)
    assert not holds([("rack", None, False)], NORTH)


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("zone", "in(north", ValueError),
        ("zone", "a(b)", ValueError),
        ("zone", "-north", ValueError),
        ("zone", "x" * 64, ValueError),
        ("-zone-", "north", ValueError),
        ("a/b/c", "north", ValueError),
        ("zone", 3, TypeError),
        (3, "north", TypeError),
    ],
)
def test_what_is_no_selector_is_refused(key: Any, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        rules_of({key: value})


def test_a_label_is_checked_like_a_selector_of_one_value() -> None:
    checked_label("company.com/zone", "north-1")
    with pytest.raises(ValueError, match="no value"):
        checked_label("zone", "!north")
