"""Slices sections into chunks that are short enough for one embedding to mean one thing.

Owns where text is cut and what identifies a chunk. Does not own what a section is: `section` does.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from knowledge.section import Section

CHUNK_CHARACTERS_MAX = 700

# From the kindest cut to the harshest: between paragraphs, lines, sentences, words.
CUTS = (r"\n\s*\n", r"\n", r"(?<=[.!?])\s+", r"\s+")
JOINTS = ("\n\n", "\n", " ", " ")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: what is embedded, stored, found and shown."""

    id: str
    source: str
    title: str
    text: str


def slice_sections(source: str, sections: Iterable[Section]) -> list[Chunk]:
    """Returns the chunks of a document, each once, in the order of the document.

    The id of a chunk is a hash of what it says and where, so that the same document always
    gives the same ids.
    """
    chunks = (
        Chunk(_identify(source, section.title, text), source, section.title, text)
        for section in sections
        for text in slice_text(section.text)
    )
    return list({chunk.id: chunk for chunk in chunks}.values())


def slice_text(text: str, *, characters_max: int = CHUNK_CHARACTERS_MAX) -> list[str]:
    """Cuts a text into pieces of at most `characters_max`, losing nothing but blanks."""
    return list(_slice(text.strip(), characters_max, level=0))


def _slice(text: str, characters_max: int, *, level: int) -> Iterator[str]:
    if len(text) <= characters_max:
        if text:
            yield text
        return
    if level == len(CUTS):
        for start in range(0, len(text), characters_max):
            yield text[start : start + characters_max]
        return
    packed = ""
    for part in re.split(CUTS[level], text):
        joined = packed + JOINTS[level] + part if packed else part
        if len(joined) <= characters_max:
            packed = joined
            continue
        yield from _slice(packed, characters_max, level=level + 1)
        packed = part
    yield from _slice(packed, characters_max, level=level + 1)


def _identify(source: str, title: str, text: str) -> str:
    content = "\0".join((source, title, text)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16).hexdigest()
