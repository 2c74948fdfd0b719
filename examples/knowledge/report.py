"""Renders what was done and what was found, for a terminal.

Owns wording and layout. Does not measure or search: it is given outcomes and passages.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING

from knowledge.outcome import Outcome, Skipped, Stored, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from knowledge.passage_store import Passage

EXCERPT_CHARACTERS = 300
LINE_CHARACTERS = 96


def render_summary(outcomes: Iterable[Outcome], *, seconds: float) -> str:
    """Returns a table with a row for each step, and a line for each skipped document."""
    stored: list[Stored] = []
    skipped: list[Skipped] = []
    for outcome in outcomes:
        if isinstance(outcome, Stored):
            stored.append(outcome)
        else:
            skipped.append(outcome)
    lines = [*_table(stored, seconds), "", *_notes(stored, skipped)]
    return "\n".join(lines)


def render_answers(question: str, passages: Sequence[Passage]) -> str:
    """Returns the passages that answer a question, best first."""
    if not passages:
        return f"{question}\n\n  The knowledge base is empty."
    return "\n\n".join([question, *map(_answer, range(1, len(passages) + 1), passages)])


def _table(stored: list[Stored], seconds: float) -> list[str]:
    work_by_step: dict[str, list[Work]] = defaultdict(list)
    for document in stored:
        for work in document.work:
            work_by_step[work.step].append(work)
    titles = f"{'step':<8}{'documents':>11}{'chunks':>10}{'seconds':>10}{'chunks/s':>11}"
    titles += f"{'processes':>11}"
    rows = [
        _row(step, stored, done, seconds=sum(work.seconds for work in done))
        for step, done in work_by_step.items()
    ]
    everything = [work for document in stored for work in document.work]
    together = _row("together", stored, everything, seconds=seconds)
    return [titles, *rows, "-" * len(titles), together]


def _row(label: str, stored: list[Stored], done: list[Work], *, seconds: float) -> str:
    chunks = sum(document.chunks for document in stored)
    rate = chunks / seconds if seconds else 0.0
    processes = len({work.process for work in done})
    return f"{label:<8}{len(stored):>11,}{chunks:>10,}{seconds:>10.2f}{rate:>11,.0f}{processes:>11}"


def _notes(stored: list[Stored], skipped: list[Skipped]) -> list[str]:
    empty = sum(document.chunks == 0 for document in stored)
    lines = [f"Documents without text: {empty:,}", f"Documents skipped: {len(skipped):,}"]
    by_name = sorted(skipped, key=lambda document: document.source)
    lines += [f"  {document.source}: {document.reason}" for document in by_name]
    return lines


def _answer(rank: int, passage: Passage) -> str:
    excerpt = textwrap.shorten(passage.text, EXCERPT_CHARACTERS, placeholder=" ...")
    indented = textwrap.indent(textwrap.fill(excerpt, LINE_CHARACTERS - 4), " " * 4)
    return f"{rank:>2}. {passage.title}  ({passage.source}, score {passage.score:.2f})\n{indented}"
