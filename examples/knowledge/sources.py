"""Finds the documents that a knowledge base is made from.

Owns which files count as documents and how each is named. Does not open them: `parsing` does.
"""

from __future__ import annotations

import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = frozenset({".py", ".md", ".rst", ".txt", ".html", ".htm", ".pdf"})
PACKAGE_METADATA = "METADATA"

# Folders whose files repeat other documents or are written for machines and maintainers.
FOLDERS_PASSED_OVER = frozenset(
    {"__pycache__", "_vendor", "idlelib", "lib2to3", "licenses", "node_modules", "site-packages"}
    | {"test", "tests", "turtledemo", "vendored"}
)
FILES_PASSED_OVER = frozenset({"CMakeLists.txt", "entry_points.txt", "top_level.txt"})


@dataclass(frozen=True, slots=True)
class Source:
    """One document: where it lies, and the name that answers cite."""

    name: str
    path: Path


def find_documents(folder: Path) -> list[Source]:
    """Lists the documents below a folder, in the order of their names."""
    return sorted(_walk(folder), key=lambda source: source.name)


def installed_documentation() -> list[Source]:
    """Lists the documentation of the running Python: standard library first, then packages.

    Of two documents with one name, only the first is listed, as only the first can be imported.
    """
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    by_name: dict[str, Source] = {}
    for root in roots:
        for source in find_documents(root):
            by_name.setdefault(source.name, source)
    return list(by_name.values())


def _walk(folder: Path) -> Iterator[Source]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in FOLDERS_PASSED_OVER and not name.startswith(".")
        ]
        for name in files:
            path = Path(parent, name)
            if _is_document(path):
                yield Source(name=path.relative_to(folder).as_posix(), path=path)


def _is_document(path: Path) -> bool:
    known = path.name == PACKAGE_METADATA or path.suffix.lower() in SUFFIXES
    return known and path.name not in FILES_PASSED_OVER and path.is_file()
