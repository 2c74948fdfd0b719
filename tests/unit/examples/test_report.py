"""The report counts every document once, and names each that was skipped."""

from __future__ import annotations

from knowledge.outcome import Outcome, Skipped, Stored, Work
from knowledge.passage_store import Passage
from knowledge.report import render_answers, render_summary


def test_the_summary_has_a_row_for_each_step_and_a_line_for_each_skipped_document() -> None:
    outcomes: list[Outcome] = [
        Stored("a.md", 1200, (Work("parse", 2.0, process=1), Work("store", 0.5, process=3))),
        Skipped("torn.pdf", "not a readable PDF: torn"),
        Stored("b.md", 0, (Work("parse", 1.0, process=2), Work("store", 0.1, process=3))),
    ]

    summary = render_summary(outcomes, seconds=2.5)

    assert (
        summary
        == """\
step      documents    chunks   seconds   chunks/s  processes
parse             2     1,200      3.00        400          2
store             2     1,200      0.60      2,000          1
-------------------------------------------------------------
together          2     1,200      2.50        480          3

Documents without text: 1
Documents skipped: 1
  torn.pdf: not a readable PDF: torn"""
    )


def test_all_skipped_documents_are_named_however_many() -> None:
    outcomes = [Skipped(f"{number}.pdf", "torn") for number in range(100)]

    summary = render_summary(outcomes, seconds=0.0)

    assert [line for line in summary.splitlines() if line.endswith(": torn")] == sorted(
        f"  {number}.pdf: torn" for number in range(100)
    )


def test_an_answer_shows_source_title_score_and_an_excerpt_on_short_lines() -> None:
    passage = Passage("csv.py", "csv.reader", "Reads rows.\n" * 50, score=0.8123)

    first, blank, head, *excerpt = render_answers("how?", [passage]).splitlines()

    assert (first, blank, head) == ("how?", "", " 1. csv.reader  (csv.py, score 0.81)")
    assert excerpt[0].startswith("    Reads rows. Reads rows.")
    assert excerpt[-1].endswith(" ...")
    assert max(map(len, excerpt)) <= 96


def test_an_empty_knowledge_base_says_so() -> None:
    assert render_answers("how?", []) == "how?\n\n  The knowledge base is empty."
