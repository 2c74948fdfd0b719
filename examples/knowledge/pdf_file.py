"""Reads the text of PDF files, one section for each page.

Owns how pages become sections. Does not own parsing: pypdf does. A page that is only a picture
holds no text, and is not an error.
"""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import PurePosixPath

from pypdf import PdfReader

from knowledge.section import Section, UnreadableDocumentError

# pypdf warns of every oddity that it reads past; what it cannot read it raises.
logging.getLogger("pypdf").setLevel(logging.ERROR)


def parse_pdf(name: str, content: bytes) -> list[Section]:
    """Returns the text of each page, named for the document and the page."""
    try:
        reader = PdfReader(BytesIO(content))
        title = (reader.metadata and reader.metadata.title) or PurePosixPath(name).stem
        return [
            Section(title=f"{title}, page {number}", text=page.extract_text().strip())
            for number, page in enumerate(reader.pages, start=1)
        ]
    except Exception as problem:
        message = f"not a readable PDF: {problem}"
        raise UnreadableDocumentError(message) from problem
