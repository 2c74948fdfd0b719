"""What Python knows by name of the engine's choices is what there is: a new one breaks this first.

The engine's own values reach Python as they are described in Rust, so that no compiler looks over
the names on this side.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aktis import exceptions
from aktis._kernel import forms, queries, surveys
from tests.arch.sources import text_of

TYPES = Path("crates/pure/types/src")
KNOWN = {
    ("failure.rs", "Failure"): set(exceptions.FAILURES),
    ("actor.rs", "ActorState"): set(queries.ACTOR_STATES),
    ("group.rs", "GroupState"): set(queries.GROUP_STATES),
    ("group.rs", "GroupStrategy"): set(forms.GROUP_STRATEGIES.values()),
    ("account.rs", "Stage"): set(surveys.STAGES),
    ("task.rs", "Callee"): set(surveys.CALLEES),
}


def variants(file: str, name: str) -> set[str]:
    """The variants of an enum, as its file lists them."""
    _, _, behind = text_of(TYPES / file).partition(f"pub enum {name} {{\n")
    body, _, _ = behind.partition("\n}\n")
    return set(re.findall(r"^    (\w+)[ ,({]", body + ",", re.MULTILINE))


@pytest.mark.parametrize(("file", "name"), KNOWN)
def test_python_knows_every_choice(file: str, name: str) -> None:
    found = variants(file, name)

    assert len(found) > 1
    assert found == KNOWN[file, name]
