"""Rules of correctness are numbered, written once, checked always: the pages and the code agree.

A page in `docs/machines/` states a rule on a line that begins with its id, as in `- **OWN-1** ...`
or `| OWN-1 | ... |`. The code asserts it with a message that begins with the id, as in
`"OWN-1: object ..."`.
"""

from __future__ import annotations

import re
from collections import Counter

from tests.arch.sources import listed, text_of

STATED = re.compile(r"^[^\w\n]*([A-Z]{3}-\d+)\b", re.MULTILINE)
ASSERTED = re.compile(r'"([A-Z]{3}-\d+):')


def stated() -> Counter[str]:
    """How often each rule is stated on the machines' pages."""
    return Counter(
        rule for page in listed("docs/machines/*.md") for rule in STATED.findall(text_of(page))
    )


def asserted() -> set[str]:
    """The rules that the product or the simulator asserts."""
    return {
        rule
        for source in listed("crates/*.rs", "python/*.py")
        for rule in ASSERTED.findall(text_of(source))
    }


def test_there_are_rules() -> None:
    assert stated()


def test_every_rule_is_stated_once() -> None:
    twice = sorted(rule for rule, count in stated().items() if count > 1)

    assert not twice, f"stated more than once in docs/machines/: {twice}"


def test_every_stated_rule_is_asserted() -> None:
    unchecked = sorted(stated().keys() - asserted())

    assert not unchecked, f"nothing asserts {unchecked}"


def test_every_asserted_rule_is_stated() -> None:
    unwritten = sorted(asserted() - stated().keys())

    assert not unwritten, f"no page in docs/machines/ states {unwritten}"
