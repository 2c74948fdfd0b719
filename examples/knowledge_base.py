"""Builds a searchable knowledge base from a folder of documents, and asks it a question.

    python examples/knowledge_base.py --query "how do I read a csv file"

Owns which step runs where, how much is under way at once, and what survives the death of a
worker. Does not own what the steps do: the package `knowledge` holds them as plain functions.

Each document passes three steps. The values go from worker to worker; this process holds only refs:

    parse (tasks, one core each)  ->  embed (actors that hold the model)  ->  store (one actor)
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

import aktis
from aktis.exceptions import TaskError, WorkerCrashedError
from knowledge.chunking import slice_sections
from knowledge.embedding import Model, Vectors
from knowledge.outcome import Embedded, Outcome, Parsed, Skipped, Stored, Work
from knowledge.parsing import UnreadableDocumentError, parse_document
from knowledge.passage_store import Passage, PassageStore
from knowledge.report import render_answers, render_summary
from knowledge.sources import Source, find_documents, installed_documentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aktis.actor import ActorHandle

PARSERS_PER_EMBEDDER = 2
DOCUMENTS_PER_EMBEDDER_MAX = 16
# What one bad document can cause: it is skipped by name. Any other error ends the program.
DOCUMENT_ERRORS = (UnreadableDocumentError, OSError, WorkerCrashedError)


@aktis.remote(num_cpus=1, max_retries=3, retry_exceptions=[OSError])
def parse(source: Source) -> Parsed:
    """Reads one document and slices it into chunks."""
    started = time.perf_counter()
    sections = parse_document(source.name, source.path.read_bytes())
    chunks = slice_sections(source.name, sections)
    return Parsed(source.name, chunks, work=(Work.since(started, "parse"),))


@aktis.remote(num_cpus=1, max_restarts=3, max_task_retries=3)
class Embedder:
    """Holds the model, which is loaded once per process and not once per document."""

    def __init__(self) -> None:
        self._model = Model()

    def embed(self, parsed: Parsed) -> Embedded:
        """Adds a vector to each chunk of a document."""
        started = time.perf_counter()
        vectors = self._model.embed_chunks(parsed.chunks)
        work = (*parsed.work, Work.since(started, "embed"))
        return Embedded(parsed.source, parsed.chunks, vectors, work)

    def embed_question(self, question: str) -> Vectors:
        """Returns the vector of a question."""
        vector: Vectors = self._model.embed([question])[0]
        return vector


@aktis.remote(num_cpus=1, max_restarts=3, max_task_retries=3)
class Store:
    """Owns the database: the only process that opens it, so no write waits for another's lock.

    A call that is retried after a restart writes the same rows again, so it changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._passages = PassageStore(folder)

    def add(self, embedded: Embedded) -> Stored:
        """Puts the chunks of a document in the place of those it had before."""
        started = time.perf_counter()
        self._passages.replace(embedded.source, embedded.chunks, embedded.vectors)
        work = (*embedded.work, Work.since(started, "store"))
        return Stored(embedded.source, len(embedded.chunks), work)

    def search(self, question: Vectors, count: int) -> list[Passage]:
        """Returns the passages nearest to a question."""
        return self._passages.nearest(question, count=count)

    def begin_run(self) -> None:
        """Remembers that the passages are incomplete."""
        self._passages.begin_run()

    def end_run(self) -> None:
        """Remembers that the passages are complete."""
        self._passages.end_run()

    def is_complete(self) -> bool:
        """Says whether an earlier run has stored everything."""
        return self._passages.is_complete()


def index(
    sources: Sequence[Source],
    embedders: Sequence[ActorHandle[Embedder]],
    store: ActorHandle[Store],
    *,
    under_way_max: int,
) -> Iterator[Outcome]:
    """Yields what became of each document as it is done, with a limited number under way.

    The caller's pace is the pipeline's: while nobody asks for the next outcome, nothing is begun.
    """
    waiting = iter(sources)
    next_embedder = itertools.cycle(embedders)
    parsing: dict[aktis.ObjectRef[Parsed], Source] = {}
    storing: dict[aktis.ObjectRef[Stored], Source] = {}
    while True:
        for source in itertools.islice(waiting, under_way_max - len(parsing) - len(storing)):
            parsing[parse.remote(source)] = source
        if not parsing and not storing:
            return
        (done,), _ = aktis.wait([*parsing, *storing], num_returns=1, fetch_local=False)
        if done in parsing:
            embedded = next(next_embedder).embed.remote(done)
            storing[store.add.remote(embedded)] = parsing.pop(done)
        else:
            yield outcome_of(done, storing.pop(done))


def outcome_of(stored: aktis.ObjectRef[Stored], source: Source) -> Outcome:
    """Returns the result of the last step; an error of any step before it arrives here as well."""
    try:
        return aktis.get(stored)
    except DOCUMENT_ERRORS as problem:
        cause = problem.cause if isinstance(problem, TaskError) else problem
        return Skipped(source.name, str(cause))


def build(
    sources: Sequence[Source], embedders: Sequence[ActorHandle[Embedder]], store: ActorHandle[Store]
) -> None:
    """Indexes all documents behind a progress bar, then prints what was done."""
    started = time.perf_counter()
    aktis.get(store.begin_run.remote())
    under_way_max = DOCUMENTS_PER_EMBEDDER_MAX * len(embedders)
    outcomes = index(sources, embedders, store, under_way_max=under_way_max)
    done = list(tqdm(outcomes, total=len(sources), unit="document", disable=None))
    aktis.get(store.end_run.remote())
    print(render_summary(done, seconds=time.perf_counter() - started), end="\n\n")


def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Builds the knowledge base unless the folder holds it already, then answers the question."""
    embedder_count = math.ceil(arguments.workers / PARSERS_PER_EMBEDDER)
    aktis.init(num_cpus=arguments.workers + embedder_count + 1)
    embedders = [Embedder.remote() for _ in range(embedder_count)]
    store = Store.remote(folder)
    if arguments.input:
        build(find_documents(arguments.input)[: arguments.limit], embedders, store)
    elif not aktis.get(store.is_complete.remote()):
        build(installed_documentation()[: arguments.limit], embedders, store)
    question = embedders[0].embed_question.remote(arguments.query)
    passages = aktis.get(store.search.remote(question, arguments.top))
    print(render_answers(arguments.query, passages))


def main() -> None:
    """Runs the program as the command line says."""
    arguments = read_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            run(arguments, folder=arguments.store or Path(temporary))
        finally:
            aktis.shutdown()


def read_arguments() -> argparse.Namespace:
    """Reads the command line."""
    workers = os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--query", default="how do I read a csv file", help="the question")
    parser.add_argument("--top", type=int, default=5, help="how many passages to show")
    parser.add_argument(
        "--input", type=folder_path, help="folder to index (default: installed docs)"
    )
    parser.add_argument("--store", type=folder_path, help="folder to keep the database in")
    parser.add_argument("--limit", type=int, help="index only the first documents")
    parser.add_argument("--workers", type=int, default=workers, help="parsers at once")
    arguments = parser.parse_args()
    if arguments.input and not arguments.input.is_dir():
        parser.error(f"--input: {arguments.input} is not a folder")
    if arguments.workers < 1:
        parser.error("--workers: at least one is needed")
    return arguments


def folder_path(text: str) -> Path:
    """Returns a path that means the same in every worker, wherever it runs."""
    return Path(text).resolve()


if __name__ == "__main__":
    main()
