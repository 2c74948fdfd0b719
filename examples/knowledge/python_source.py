"""Reads the docstrings of a Python file without running it.

Owns which definitions are documented for users and how they are named. Does not import anything.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from knowledge.section import Section, UnreadableDocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def parse_python(name: str, content: bytes) -> list[Section]:
    """Returns one section for the module and each public class, function and method."""
    module = module_name(name)
    try:
        with warnings.catch_warnings():
            # An odd escape in somebody's string is no concern of a reader of docstrings.
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        message = f"not Python: {problem}"
        raise UnreadableDocumentError(message) from problem
    overview = Section(title=module, text=ast.get_docstring(tree) or "")
    return [overview, *_definitions(tree, module)]


def module_name(name: str) -> str:
    """Returns the dotted name of the module in a file: `json/__init__.py` holds `json`."""
    path = PurePosixPath(name).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    return ".".join(parts) or path.name


def _definitions(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Section]:
    for node in parent.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            title = f"{prefix}.{node.name}"
            yield Section(title=title, text=ast.get_docstring(node) or "")
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node, title)
