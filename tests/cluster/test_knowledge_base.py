"""The knowledge base is complete whichever of its workers is killed, and answers from its store.

Drives the program in `examples/` as its users do, and its pipeline with real kills.
Does not test how documents are parsed, sliced or stored: `tests/unit/examples` does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

import aktis
from knowledge import passage_store
from knowledge.chunking import slice_sections
from knowledge.outcome import Outcome, Skipped, Stored
from knowledge.parsing import parse_document
from knowledge.sources import Source, find_documents
from knowledge_base import Embedder, Store, index

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DOCUMENTS = 60
UNDER_WAY_MAX = 8
# Two parsers, the embedder and the store.
CPUS = 4
# One, and the retries of `parse`.
ATTEMPTS = 4
PROGRAM_TIMEOUT_S = 25

Wait = Callable[..., None]
Pipeline = Callable[[list[Source]], Iterator[Outcome]]


@pytest.mark.parametrize("step", ["embed", "store"])
def test_an_actor_killed_in_the_middle_is_replaced_and_no_chunk_is_missing_or_doubled(
    step: str, pipeline: Pipeline, documents: Path, store: Path
) -> None:
    sources = find_documents(documents)
    outcomes = pipeline(sources)
    first = next(outcomes)
    (killed,) = processes(step, [first])

    os.kill(killed, signal.SIGKILL)
    rest = list(outcomes)

    assert processes(step, rest) - {killed}, "nobody took over, so the kill disturbed nothing"
    assert sorted(outcome.source for outcome in [first, *rest]) == [s.name for s in sources]
    assert stored_ids(store) == undisturbed_ids(sources)


def test_a_parser_killed_while_it_reads_is_replaced_and_no_chunk_is_missing_or_doubled(
    pipeline: Pipeline, documents: Path, store: Path, wait_for: Wait
) -> None:
    pipe = store.parent / "slow.md"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    sources = [Source("slow.md", pipe), *find_documents(documents)]
    outcomes = pipeline(sources)
    done = [next(outcomes) for _ in range(DOCUMENTS)]
    wait_for(lambda: readers(pipe), story="no worker reads the slow document")
    (killed,) = readers(pipe)

    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: readers(pipe) - {killed}, story="no worker took over the slow document")
    os.write(writer, b"# Slow\n\nIt came in the end.\n")
    os.close(writer)
    done += list(outcomes)

    assert processes("parse", done[-1:]).isdisjoint({killed})
    assert sorted(outcome.source for outcome in done) == sorted(s.name for s in sources)
    pipe.unlink()
    pipe.write_bytes(b"# Slow\n\nIt came in the end.\n")
    assert stored_ids(store) == undisturbed_ids(sources)


def test_a_document_that_cannot_be_read_is_skipped_by_name_and_the_others_are_stored(
    pipeline: Pipeline, documents: Path, store: Path
) -> None:
    good = find_documents(documents)
    (documents / "broken.py").write_text("def broken(:\n")
    absent = Source("absent.md", documents / "absent.md")

    outcomes = list(pipeline([absent, *find_documents(documents)]))

    skipped = {skip.source: skip.reason for skip in outcomes if isinstance(skip, Skipped)}
    assert skipped.keys() == {"absent.md", "broken.py"}
    assert "No such file" in skipped["absent.md"]
    assert skipped["broken.py"].startswith("not Python: invalid syntax")
    assert stored_ids(store) == undisturbed_ids(good)


def test_a_document_on_which_every_parser_dies_is_skipped_by_name(
    pipeline: Pipeline, documents: Path, store: Path, wait_for: Wait
) -> None:
    pipe = store.parent / "deadly.md"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    good = find_documents(documents)
    outcomes = pipeline([Source("deadly.md", pipe), *good])
    done = [next(outcomes) for _ in good]
    killed: set[int] = set()

    for _ in range(ATTEMPTS):
        wait_for(lambda: readers(pipe) - killed, story=f"no reader after {len(killed)} died")
        (reader,) = readers(pipe) - killed
        os.kill(reader, signal.SIGKILL)
        killed.add(reader)
    (last,) = outcomes
    os.close(writer)

    assert isinstance(last, Skipped)
    assert last.source == "deadly.md"
    assert last.reason
    assert all(isinstance(outcome, Stored) for outcome in done)
    assert stored_ids(store) == undisturbed_ids(good)


def test_the_program_indexes_a_folder_once_and_then_answers_from_its_store(
    documents: Path, store: Path
) -> None:
    (documents / "bread.md").write_text("# Bread\n\nKnead the dough, then put it in the oven.\n")
    (documents / "broken.py").write_text("def broken(:\n")
    question = ["--query", "how to bake", "--top", "1", "--store", str(store)]

    built = program("--input", str(documents), *question, "--workers", "2")
    answered = program(*question)

    head, _, answer = built.partition("how to bake")
    assert f"together{DOCUMENTS + 1:>11}{len(stored_ids(store)):>10}" in head
    assert "Documents skipped: 1\n  broken.py: not Python: invalid syntax" in head
    assert " 1. bread: Bread  (bread.md, score " in answer
    assert answered == "how to bake" + answer


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of documents, each different and some of several chunks."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(DOCUMENTS):
        facts = "\n\n".join(f"Fact {fact} about animal number {number}." for fact in range(number))
        (folder / f"animal_{number}.md").write_text(f"# Animal number {number}\n\nText.\n\n{facts}")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder that the database is made in."""
    return tmp_path / "store"


@pytest.fixture
def pipeline(
    start_session: Callable[..., Any], store: Path, monkeypatch: pytest.MonkeyPatch
) -> Pipeline:
    """Indexes sources with one embedder and one store, in a session of its own."""
    # Workers import the example from where this process found it.
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES), prepend=os.pathsep)
    start_session(num_cpus=CPUS)
    embedder, owner = Embedder.remote(), Store.remote(store)
    aktis.get([owner.begin_run.remote(), embedder.embed_question.remote("ready?")])
    return lambda sources: index(sources, [embedder], owner, under_way_max=UNDER_WAY_MAX)


def program(*arguments: str) -> str:
    """Runs the example as a program and returns what it printed."""
    command = [sys.executable, str(EXAMPLES / "knowledge_base.py"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def processes(step: str, outcomes: list[Outcome]) -> set[int]:
    """The processes that did a step for these documents."""
    works = [work for outcome in outcomes if isinstance(outcome, Stored) for work in outcome.work]
    return {work.process for work in works if work.step == step}


def readers(path: Path) -> set[int]:
    """The other processes that have a file open."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = descriptor.readlink()
        except OSError:
            # The process, or the descriptor, is gone meanwhile.
            continue
        if target == path:
            found.add(int(descriptor.parts[2]))
    return found - {os.getpid()}


def undisturbed_ids(sources: list[Source]) -> list[str]:
    """The ids of all chunks of the documents, found without any worker."""
    return sorted(
        chunk.id
        for source in sources
        for chunk in slice_sections(
            source.name, parse_document(source.name, source.path.read_bytes())
        )
    )


def stored_ids(store: Path) -> list[str]:
    """The ids of all chunks in the database."""
    with closing(apsw.Connection(str(store / passage_store.FILE_NAME))) as database:
        return [row[0] for row in database.execute("SELECT id FROM passages ORDER BY id")]
