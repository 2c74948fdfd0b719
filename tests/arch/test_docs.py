"""The pages hold together: links resolve, machines have their page, decisions have their parts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.arch.sources import ROOT, listed, text_of

PAGES = listed("*.md")
# Lines of the changelog to be, and no pages.
FRAGMENTS = [page for page in listed("changes/*.md") if page.name != "README.md"]
FRAGMENT = re.compile(r"[a-z0-9-]+\.(feature|fix|change|removal)\.md")
MANUAL = Path("docs/manual/README.md")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
MACHINES = ("scheduler", "ownership", "objects", "control")
DECISIONS = listed("docs/decisions/*.md")
PARTS = ["Context", "Choice", "Rejected", "How we would know it was wrong"]
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCED.sub("", text_of(page))


def anchors(page: Path) -> set[str]:
    """What a link into the page may name: its headings, in lower case, with dashes for blanks."""
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    wrong = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page.parent / name).resolve() if name else ROOT / page
        is_there = target.exists() and (not anchor or anchor in anchors(target.relative_to(ROOT)))
        if not is_there:
            wrong.append(link)
    return wrong


def test_there_are_pages() -> None:
    assert Path("README.md") in PAGES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_of_the_page_resolve(page: Path) -> None:
    assert broken(page) == []


@pytest.mark.parametrize("page", sorted({*PAGES} - {*FRAGMENTS}), ids=str)
def test_page_begins_with_its_only_title(page: Path) -> None:
    titles = re.findall(r"^# .+$", prose(page), re.MULTILINE)

    assert len(titles) == 1
    assert text_of(page).startswith(titles[0])


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=str)
def test_fragment_is_lines_of_the_changelog(fragment: Path) -> None:
    lines = text_of(fragment).splitlines()

    assert FRAGMENT.fullmatch(fragment.name)
    assert 1 <= len(lines) <= 2
    assert all(line[:1] not in {"#", "-", ""} for line in lines)


def test_index_of_the_manual_names_every_page_and_every_extra() -> None:
    index = text_of(MANUAL)
    pages = {page.name for page in listed(f"{MANUAL.parent}/*.md")} - {MANUAL.name}

    assert pages == {link for link in LINK.findall(index) if "/" not in link}
    # Of the programs in `examples`, their guide tells.
    assert EXTRAS.keys() - {"examples"} == {*re.findall(r"`([a-z]+)`", index)}


@pytest.mark.parametrize("machine", MACHINES)
def test_machine_has_its_page(machine: str) -> None:
    assert Path(f"docs/machines/{machine}.md") in PAGES


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=str)
def test_decision_has_its_parts(page: Path) -> None:
    assert re.findall(r"^## (.+)$", text_of(page), re.MULTILINE) == PARTS


def test_every_command_that_readme_names_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", text_of(Path("README.md"))))

    assert named
    assert named <= targets
