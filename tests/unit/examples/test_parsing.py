"""Every kind of document becomes titled sections of plain text, or an error that says why."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from knowledge.parsing import Section, UnreadableDocumentError, parse_document


def test_python_gives_the_docstrings_of_the_module_and_of_what_is_public_in_it() -> None:
    content = b'''"""Shapes."""
class Circle:
    """Round."""
    def area(self):
        """How much is inside."""
    def _hidden(self):
        """Not for users."""
def draw(): pass
async def fetch():
    """Gets shapes."""
'''

    sections = parse_document("shapes/__init__.py", content)

    assert sections == [
        Section("shapes", "Shapes."),
        Section("shapes.Circle", "Round."),
        Section("shapes.Circle.area", "How much is inside."),
        Section("shapes.fetch", "Gets shapes."),
    ]


def test_python_with_odd_escapes_is_read_without_a_warning() -> None:
    sections = parse_document("odd.py", b'"""Fine."""\npattern = "\\d"\n')

    assert sections == [Section("odd", "Fine.")]


def test_markdown_is_divided_at_headings_but_not_at_number_signs_in_code() -> None:
    content = b"""Before any heading.

# Install

Run [pip](https://example.org/pip) first.

```sh
# not a heading
pip install it
```

Usage
-----
Call it.
"""

    sections = parse_document("guide.md", content)

    assert sections == [
        Section("guide", "Before any heading."),
        Section(
            "guide: Install",
            "Run pip first.\n\n```sh\n# not a heading\npip install it\n```",
        ),
        Section("guide: Usage", "Call it."),
    ]


def test_restructured_text_is_divided_at_underlined_titles_and_loses_its_marks() -> None:
    content = b"""=====
Guide
=====

.. note:: hidden

Call :func:`open` with ``r``, see `the docs <https://example.org>`_.

Details
=======
More.
"""

    sections = parse_document("guide.rst", content)

    assert sections == [
        Section("guide: Guide", "Call open with `r`, see the docs."),
        Section("guide: Details", "More."),
    ]


def test_a_markdown_table_and_a_rule_are_not_headings() -> None:
    content = b"# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n\nEnd.\n"

    sections = parse_document("t.md", content)

    assert [section.title for section in sections] == ["t: T"]
    assert "| 1 | 2 |" in sections[0].text


def test_plain_text_is_one_section_named_for_its_file() -> None:
    assert parse_document("a/notes.txt", b"\xef\xbb\xbfone\r\ntwo\r\n") == [
        Section("notes", "one\ntwo")
    ]


def test_package_metadata_gives_the_summary_and_the_description() -> None:
    content = b"""Metadata-Version: 2.4
Name: parcels
Summary: Sends parcels
Description-Content-Type: text/markdown

# Parcels

Send them.
"""

    sections = parse_document("parcels-1.0.dist-info/METADATA", content)

    assert sections == [
        Section("parcels", "Sends parcels"),
        Section("parcels: Parcels", "Send them."),
    ]


def test_a_page_gives_its_text_under_its_headings_without_menus_and_scripts() -> None:
    content = b"""<html><head><title>The  manual</title><style>p {}</style></head><body>
<nav><a href="/">Home</a></nav><p>Hello <b>you</b>.</p><script>alert(1)</script>
<h2>First <i>steps</i></h2><p>Go.</p><ul><li>one</li><li>two</li></ul></body></html>"""

    sections = parse_document("manual.html", content)

    assert sections == [
        Section("The manual", "Hello you."),
        Section("The manual: First steps", "Go.\n\none\n\ntwo"),
    ]


def test_a_pdf_gives_one_section_for_each_page_that_holds_text() -> None:
    content = pdf_of_pages("Page of text", "", "Last page")

    sections = parse_document("paper.pdf", content)

    assert sections == [
        Section("paper, page 1", "Page of text"),
        Section("paper, page 3", "Last page"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.py", b"def broken(:\n", "not Python: invalid syntax"),
        ("latin.md", b"caf\xe9", "not UTF-8 at byte 3"),
        ("torn.pdf", b"%PDF-1.7 and nothing else", "not a readable PDF: "),
        ("picture.png", b"", "no parser reads files that end in '.png'"),
    ],
)
def test_a_document_that_cannot_be_parsed_is_an_error_that_says_why(
    name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableDocumentError) as caught:
        parse_document(name, content)

    assert str(caught.value).startswith(reason)


def pdf_of_pages(*texts: str) -> bytes:
    """Returns a PDF with one line of text on each page, or nothing where the text is empty."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in texts:
        page = writer.add_blank_page(width=200, height=200)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = stream
    content = BytesIO()
    writer.write(content)
    return content.getvalue()
