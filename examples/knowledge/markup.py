"""Reads Markdown, reStructuredText, plain text and the metadata of installed packages.

Owns how headings divide a text and which marks are dropped. Does not render anything: code
blocks, lists and tables stay as they were typed, since that is how people read them.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from knowledge.section import Section, UnreadableDocumentError, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDERLINE = re.compile(r"([=\-~^\"'`#*+:.])\1{2,}\s*")
FENCE = re.compile(r"\s*(```|~~~)")
NUMBER_SIGN_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*")
MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
MARKDOWN_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
RST_DIRECTIVE = re.compile(r"^\s*\.\.(\s.*)?$", re.MULTILINE)
RST_ROLE = re.compile(r":[\w:.+-]+:`([^`<]+?)(?:\s*<[^`>]*>)?`")
RST_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?")


def parse_markdown(name: str, content: bytes) -> list[Section]:
    """Returns the text under each heading, with links and images reduced to their words."""
    text = MARKDOWN_COMMENT.sub("", MARKDOWN_LINK.sub(r"\1", decode(content)))
    return _sections(_stem(name), _markdown_lines(text.splitlines()))


def parse_rst(name: str, content: bytes) -> list[Section]:
    """Returns the text under each underlined title, without directives and roles."""
    text = RST_DIRECTIVE.sub("", decode(content))
    text = RST_LINK.sub(r"\1", RST_ROLE.sub(r"\1", text)).replace("``", "`")
    return _sections(_stem(name), _underlined_lines(text.splitlines()))


def parse_plain(name: str, content: bytes) -> list[Section]:
    """Returns the whole text as one section named for the file."""
    return [Section(title=_stem(name), text=decode(content).strip())]


def parse_metadata(name: str, content: bytes) -> list[Section]:
    """Returns the summary and the description of an installed package."""
    metadata = message_from_bytes(content)
    package = metadata["Name"] or PurePosixPath(name).parent.name
    summary = Section(title=package, text=metadata["Summary"] or "")
    description = metadata.get_payload(decode=True) or (metadata["Description"] or "").encode()
    if not isinstance(description, bytes):
        message = "metadata in several parts"
        raise UnreadableDocumentError(message)
    if "markdown" in (metadata["Description-Content-Type"] or ""):
        return [summary, *parse_markdown(f"{package}.md", description)]
    return [summary, *parse_rst(f"{package}.rst", description)]


def _sections(title: str, lines: Iterator[tuple[str | None, str]]) -> list[Section]:
    """Gathers lines under the heading before them; what precedes any heading has the title."""
    sections: list[tuple[str, list[str]]] = [(title, [])]
    for heading, line in lines:
        if heading is None:
            sections[-1][1].append(line)
        else:
            sections.append((heading if heading == title else f"{title}: {heading}", []))
    return [Section(title=head, text="\n".join(body).strip()) for head, body in sections]


def _markdown_lines(lines: list[str]) -> Iterator[tuple[str | None, str]]:
    """Yields each line with the heading it is, if it is one; headings in code are code."""
    fenced = False
    prose: list[str] = []
    for line in lines:
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            prose.append(line)
            continue
        yield from _headed_lines(prose)
        prose.clear()
        yield None, line
    yield from _headed_lines(prose)


def _headed_lines(lines: list[str]) -> Iterator[tuple[str | None, str]]:
    for heading, line in _underlined_lines(lines):
        marked = NUMBER_SIGN_HEADING.fullmatch(line)
        yield (marked.group(1), line) if heading is None and marked else (heading, line)


def _underlined_lines(lines: list[str]) -> Iterator[tuple[str | None, str]]:
    """Yields each line with the title it is, if the next line underlines it at full length."""
    for line, below in pairwise([*lines, ""]):
        if _underlines(below, line):
            yield line.strip(), line
        elif not UNDERLINE.fullmatch(line):
            yield None, line


def _underlines(below: str, line: str) -> bool:
    is_title = bool(line.strip()) and not line.startswith((" ", "\t", "|", ">"))
    return (
        is_title
        and UNDERLINE.fullmatch(line) is None
        and UNDERLINE.fullmatch(below) is not None
        and len(below.rstrip()) >= min(len(line.rstrip()), 3)
    )


def _stem(name: str) -> str:
    return PurePosixPath(name).stem
