"""Turns the bytes of a document into titled sections of plain text.

Owns which parser reads which kind of file, and the one error they raise. Does not own the
formats themselves: `python_source`, `markup`, `html_page` and `pdf_file` do.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from knowledge.html_page import parse_html
from knowledge.markup import parse_markdown, parse_metadata, parse_plain, parse_rst
from knowledge.pdf_file import parse_pdf
from knowledge.python_source import parse_python
from knowledge.section import Section, UnreadableDocumentError
from knowledge.sources import PACKAGE_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Section", "UnreadableDocumentError", "parse_document"]

PARSERS: dict[str, Callable[[str, bytes], list[Section]]] = {
    ".py": parse_python,
    ".md": parse_markdown,
    ".rst": parse_rst,
    ".txt": parse_plain,
    ".html": parse_html,
    ".htm": parse_html,
    ".pdf": parse_pdf,
    PACKAGE_METADATA: parse_metadata,
}


def parse_document(name: str, content: bytes) -> list[Section]:
    """Returns the sections of a document that hold text, in the order of the document.

    Raises:
        UnreadableDocumentError: the content is not what the name promises, or no parser reads it.
    """
    path = PurePosixPath(name)
    kind = path.name if path.name in PARSERS else path.suffix.lower()
    if kind not in PARSERS:
        message = f"no parser reads files that end in {kind or 'no suffix'!r}"
        raise UnreadableDocumentError(message)
    return [section for section in PARSERS[kind](name, content) if section.text]
