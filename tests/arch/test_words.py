"""One concept, one word: the words that GLOSSARY.md does not use appear nowhere.

Owns the table of words and the forms of leftovers. Does not own spelling: `typos` does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.sources import listed, text_of

INSTEAD = {
    "blacklist": "denied",
    "gcs": "head",
    "master": "head",
    "oid": "object",
    "plasma": "arena",
    "raylet": "node",
    "slave": "worker",
    "whitelist": "allowed",
}
# Files that must name what others call things, and the words they name.
SPEAKS_OF_OTHERS = {
    "docs/manual/as_ray.md": {"plasma", "raylet"},
    "python/aktis/as_ray/public_names.py": {"plasma", "raylet"},
    "python/aktis/as_ray/table.py": {"plasma", "raylet"},
    "GLOSSARY.md": {"gcs", "master", "oid", "plasma", "raylet", "slave"},
    "tests/arch/test_words.py": set(INSTEAD),
}
# What Ray's public interface spells with such a word, and users' programs therefore read.
PUBLIC_SPELLINGS = ("RayletSocketName",)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
LEFTOVERS = {
    "an unfinished place": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
    "a macro for what is not there": re.compile(r"\b(?:todo|unimplemented)!\("),
    "Rust code in a comment": re.compile(
        r"^\s*// ?(?:let|pub|fn|use|impl|match|return)\b.*[;{]\s*$", re.MULTILINE
    ),
    "Python code in a comment": re.compile(
        r"^\s*# ?(?:import \w+|from \w+ import .*|def \w+\(.*:|return \w+\(.*\))\s*$", re.MULTILINE
    ),
    "a conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}
SOURCES = listed("*.rs", "*.py", "*.pyi")
TEXTS = [*SOURCES, *listed("*.md", "*.toml", "Makefile")]


def words_in(text: str) -> set[str]:
    """The words of a text, those inside identifiers too, in lower case."""
    for spelling in PUBLIC_SPELLINGS:
        text = text.replace(spelling, "")
    return {word.lower() for word in WORD.findall(text)}


def test_words_are_found_inside_identifiers() -> None:
    found = words_in("GcsClient raylet_socket; RayletSocketName")

    assert found == {"gcs", "client", "raylet", "socket"}


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_text_uses_the_words_of_the_glossary(path: Path) -> None:
    unwanted = words_in(text_of(path)) & INSTEAD.keys() - SPEAKS_OF_OTHERS.get(str(path), set())

    assert not unwanted, ", ".join(f"say {INSTEAD[word]}, not {word}" for word in sorted(unwanted))


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_source_has_no_leftovers(path: Path) -> None:
    if path.name == Path(__file__).name:
        return
    text = text_of(path)

    found = [name for name, pattern in LEFTOVERS.items() if pattern.search(text)]

    assert not found, f"{path} holds {' and '.join(found)}"
