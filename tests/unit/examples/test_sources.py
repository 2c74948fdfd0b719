"""Documents are found by their kind, in the order of their names, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.sources import Source, find_documents, installed_documentation

if TYPE_CHECKING:
    from pathlib import Path


def test_documents_of_all_kinds_are_found_and_what_is_for_machines_is_passed_over(
    tmp_path: Path,
) -> None:
    wanted = ["a.py", "b/c.MD", "b/d.rst", "e.txt", "f.html", "g.pdf", "h.dist-info/METADATA"]
    unwanted = ["x.png", "tests/t.py", "_vendor/v.py", ".git/x.md", "h.dist-info/top_level.txt"]
    for name in wanted + unwanted:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert find_documents(tmp_path) == [Source(name, tmp_path / name) for name in wanted]


def test_the_installed_documentation_holds_the_standard_library_and_the_packages() -> None:
    names = [source.name for source in installed_documentation()]

    assert "csv.py" in names
    assert any(name.startswith("pypdf-") and name.endswith("/METADATA") for name in names)
