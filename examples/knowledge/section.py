"""What every parser returns, and the error every parser raises.

Owns the shape of a section and the decoding of text. Does not own any format.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A titled piece of a document, as plain text whose paragraphs stand apart."""

    title: str
    text: str


class UnreadableDocumentError(Exception):
    """A document could not be parsed; the message says why, without naming the document."""


def decode(content: bytes) -> str:
    """Returns the text of UTF-8 content, without its byte order mark and carriage returns."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        message = f"not UTF-8 at byte {problem.start}"
        raise UnreadableDocumentError(message) from problem
    return text.replace("\r\n", "\n").replace("\r", "\n")
