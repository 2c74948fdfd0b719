"""Slicing loses no word, keeps every chunk short, and names equal chunks alike."""

from __future__ import annotations

import random

from knowledge.chunking import slice_sections, slice_text
from knowledge.section import Section


def test_a_short_text_is_one_piece() -> None:
    assert slice_text("  One line.\n\nAnother.  ", characters_max=30) == ["One line.\n\nAnother."]


def test_an_empty_text_is_no_piece() -> None:
    assert slice_text(" \n\n ") == []


def test_a_text_is_cut_between_paragraphs_before_sentences_before_words() -> None:
    text = "First one here.\n\nSecond is long. It has two sentences.\n\nabcdefghijklmnopqrstuvwxyz"

    pieces = slice_text(text, characters_max=22)

    assert pieces == [
        "First one here.",
        "Second is long.",
        "It has two sentences.",
        "abcdefghijklmnopqrstuv",
        "wxyz",
    ]


def test_no_text_whatever_loses_a_character_or_exceeds_the_limit() -> None:
    chance = random.Random(7)
    for _ in range(300):
        text = "".join(
            chance.choices("abc. \n", weights=[6, 6, 6, 1, 3, 1], k=chance.randrange(400))
        )

        pieces = slice_text(text, characters_max=25)

        assert "".join("".join(pieces).split()) == "".join(text.split())
        assert all(0 < len(piece) <= 25 for piece in pieces)


def test_ids_depend_on_source_title_and_text_and_on_nothing_else() -> None:
    def ids(source: str, *sections: Section) -> list[str]:
        return [chunk.id for chunk in slice_sections(source, sections)]

    once = ids("a.md", Section("A", "text"))

    assert ids("a.md", Section("A", "text")) == once
    assert ids("a.md", Section("B", "other"), Section("A", "text"))[1:] == once
    different = [
        ids("b.md", Section("A", "text")),
        ids("a.md", Section("B", "text")),
        ids("a.md", Section("A", "next")),
    ]
    assert once not in different


def test_a_passage_that_a_document_repeats_is_one_chunk() -> None:
    chunks = slice_sections("a.md", [Section("A", "same"), Section("A", "same")])

    assert [chunk.text for chunk in chunks] == ["same"]
