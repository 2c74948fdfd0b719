"""Conditions on the labels of nodes: how they are written, checked, and tried on labels.

Owns the syntax of selectors. Does not own where a task goes (the engine).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Label, allowed values (None: it need only be there), and whether the condition must not hold.
Rule = tuple[str, list[str] | None, bool]

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = re.compile(rf"(?:{_WORD})?")
_KEY = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_WORD}")
_SELECTOR = re.compile(r"(?P<negated>!?)(?:in\((?P<listed>[^()]*)\)|(?P<single>[^()!]*))")


def checked_label(key: object, value: object) -> None:
    """Raises unless the pair may be a label of a node or a task.

    Raises:
        TypeError: one of them is no string.
        ValueError: one of them has a form that labels do not have.
    """
    _checked_key(key)
    if not isinstance(value, str):
        message = f"the value of label {key!r} must be a string, not {value!r}"
        raise TypeError(message)
    _checked_value(value, value)


def rules_of(selector: Mapping[str, str]) -> list[Rule]:
    """The conditions that a selector such as `{"zone": "!in(north,west)"}` stands for.

    Raises:
        TypeError: a key or a value is no string.
        ValueError: a key or a value is not written as a selector.
    """
    return [_rule(key, text) for key, text in selector.items()]


def holds(rules: Iterable[Rule], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy every rule."""
    return all(_holds(rule, labels) for rule in rules)


def _holds(rule: Rule, labels: Mapping[str, str]) -> bool:
    label, values, negated = rule
    present = label in labels if values is None else labels.get(label) in values
    return present is not negated


def _rule(key: object, text: object) -> Rule:
    name = _checked_key(key)
    if not isinstance(text, str):
        message = f"the selector of label {name!r} must be a string, not {text!r}"
        raise TypeError(message)
    found = _SELECTOR.fullmatch(text)
    if found is None:
        message = (
            f"{text!r} is no selector of label {name!r}: write 'value', '!value', 'in(a,b)' or "
            f"'!in(a,b)'"
        )
        raise ValueError(message)
    listed = found["listed"]
    values = [found["single"]] if listed is None else [one.strip() for one in listed.split(",")]
    for value in values:
        _checked_value(value, text)
    return name, values, bool(found["negated"])


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        message = f"a label must be a string, not {key!r}"
        raise TypeError(message)
    if not _KEY.fullmatch(key):
        message = (
            f"{key!r} is no label: it begins and ends with a letter or a digit, has at most 63 "
            f"characters from letters, digits, '-', '_' and '.', and may follow a prefix and '/'"
        )
        raise ValueError(message)
    return key


def _checked_value(value: str, text: str) -> None:
    if not _VALUE.fullmatch(value):
        message = (
            f"{value!r} in {text!r} is no value of a label: it begins and ends with a letter or a "
            f"digit, and has at most 63 characters from letters, digits, '-', '_' and '.'"
        )
        raise ValueError(message)
