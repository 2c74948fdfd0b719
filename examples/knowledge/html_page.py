"""Reads HTML pages as a person would: headings and text, without menus and scripts.

Owns which elements start a section and which are left out. Does not own parsing: selectolax does.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from selectolax.lexbor import LexborHTMLParser

from knowledge.section import Section, decode

HEADINGS = frozenset({"h1", "h2", "h3", "h4"})
BLOCKS = frozenset({"p", "div", "li", "dt", "dd", "tr", "pre", "table", "ul", "ol", "blockquote"})
WITHOUT_PROSE = ["head", "nav", "footer", "script", "style", "noscript", "template"]


def parse_html(name: str, content: bytes) -> list[Section]:
    """Returns the text under each heading, named for the page and the heading."""
    tree = LexborHTMLParser(decode(content))
    title_node = tree.css_first("title")
    title = _one_line(title_node.text()) if title_node else ""
    title = title or PurePosixPath(name).stem
    tree.strip_tags(WITHOUT_PROSE)
    sections: list[tuple[str, list[str]]] = [(title, [])]
    heading_texts: set[int] = set()
    for node in tree.root.traverse(include_text=True) if tree.root else ():
        if node.tag in HEADINGS:
            heading = _one_line(node.text())
            sections.append((heading if heading == title else f"{title}: {heading}", []))
            heading_texts.update(inner.mem_id for inner in node.traverse(include_text=True))
        elif node.tag in BLOCKS:
            sections[-1][1].append("\n\n")
        elif node.tag == "-text" and node.mem_id not in heading_texts:
            sections[-1][1].append(node.text_content or "")
    return [Section(title=head, text=_paragraphs("".join(body))) for head, body in sections]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    return re.sub(r"\n\s*\n", "\n\n", text).strip()
