"""How the books of many processes become one answer, without processes.

Owns `aktis.measures.book.Book` and `aktis.measures.reading`: each book here could be another's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from aktis.measures import reading
from aktis.measures.book import LINES, NUMBERS, NUMBERS_MAX, Book, FullError, Series
from aktis.measures.reading import BOOKS_MAX, LAST_GAUGE_S, Measured, gather

NOW_S = 1_000.0
PAGES = Series("counter", "pages", "Pages read.", {"site": "a"})
DEPTH = Series("gauge", "depth", "", {})
DELAY = Series("histogram", "delay", "", {}, (1.0, 10.0))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


def begun(directory: Path, worker: str = "a1", *, job: int = 1) -> Book:
    return Book(directory, job=job, worker=worker)


def counted(directory: Path, worker: str, amount: float, *, job: int = 1) -> Book:
    book = begun(directory, worker, job=job)
    book.add("pages", PAGES)[0] = amount
    return book


def books_left(directory: Path) -> int:
    return len(list(directory.glob(f"*{LINES}")))


def test_a_new_series_is_zero(directory: Path) -> None:
    begun(directory).add("delay", DELAY)

    assert gather(directory, NOW_S) == [Measured(DELAY, 1, "", (0.0, 0.0, 0.0, 0.0))]


def test_what_is_stored_is_seen_at_once(directory: Path) -> None:
    numbers = begun(directory).add("pages", PAGES)

    numbers[0] = 3.0

    assert gather(directory, NOW_S) == [Measured(PAGES, 1, "", (3.0,))]


def test_counters_of_all_processes_are_added_for_each_job(directory: Path) -> None:
    books = [counted(directory, worker, amount) for worker, amount in (("a1", 2.0), ("b2", 5.0))]
    other = counted(directory, "c3", 7.0, job=2)

    found = gather(directory, NOW_S)

    assert found == [Measured(PAGES, 1, "", (7.0,)), Measured(PAGES, 2, "", (7.0,))]
    assert len([*books, other]) == books_left(directory)


def test_series_with_other_tags_or_boundaries_are_apart(directory: Path) -> None:
    book = begun(directory)
    others = [PAGES, PAGES._replace(tags={"site": "b"}), DELAY, DELAY._replace(boundaries=(5.0,))]

    for place, series in enumerate(others):
        book.add(place, series)

    assert [one.series for one in gather(directory, NOW_S)] == others


def test_histograms_are_added_bucket_by_bucket(directory: Path) -> None:
    books = [begun(directory, "a1"), begun(directory, "b2")]
    for book in books:
        numbers = book.add("delay", DELAY)
        numbers[0], numbers[1], numbers[3] = 20.5, 1.0, 2.0

    assert gather(directory, NOW_S) == [Measured(DELAY, 1, "", (41.0, 2.0, 0.0, 4.0))]


def test_each_process_has_its_own_gauge(directory: Path) -> None:
    books = [begun(directory, "a1"), begun(directory, "b2")]
    for value, book in enumerate(books):
        numbers = book.add("depth", DEPTH)
        numbers[0], numbers[1] = value, NOW_S

    found = gather(directory, NOW_S)

    assert found == [Measured(DEPTH, 1, "a1", (0.0, NOW_S)), Measured(DEPTH, 1, "b2", (1.0, NOW_S))]


def test_a_gauge_is_the_value_that_was_set_last_in_whatever_order_it_is_found(
    directory: Path,
) -> None:
    book = begun(directory)
    tagged = [DEPTH._replace(tags=tags) for tags in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})]
    for place, (series, set_s) in enumerate(zip(tagged, (NOW_S, NOW_S - 1.0), strict=True)):
        numbers = book.add(place, series)
        numbers[0], numbers[1] = place, set_s

    assert gather(directory, NOW_S) == [Measured(tagged[0], 1, "a1", (0.0, NOW_S))]


def test_what_an_ended_process_counted_stays_when_its_files_go(directory: Path) -> None:
    lives = counted(directory, "a1", 1.0)
    counted(directory, "b2", 5.0).close()

    first = gather(directory, NOW_S)
    lives.series["pages"][0] += 1.0
    second = gather(directory, NOW_S)

    assert (first, second) == (
        [Measured(PAGES, 1, "", (6.0,))],
        [Measured(PAGES, 1, "", (7.0,))],
    )
    assert books_left(directory) == 1
    assert len(list(directory.glob(f"*{NUMBERS}"))) == 1


def test_the_gauge_of_an_ended_process_is_shown_for_a_while(directory: Path) -> None:
    book = counted(directory, "a1", 5.0)
    numbers = book.add("depth", DEPTH)
    numbers[0], numbers[1] = 8.0, NOW_S
    book.close()

    soon = gather(directory, NOW_S + LAST_GAUGE_S)
    later = gather(directory, NOW_S + LAST_GAUGE_S + 1.0)

    pages = Measured(PAGES, 1, "", (5.0,))
    assert (soon, later) == ([pages, Measured(DEPTH, 1, "a1", (8.0, NOW_S))], [pages])


def test_nothing_is_counted_twice_if_its_removal_was_cut_off(directory: Path) -> None:
    counted(directory, "a1", 5.0).close()
    files = {path: path.read_bytes() for path in directory.glob("1-a1-*")}
    gather(directory, NOW_S)
    for path, content in files.items():
        path.write_bytes(content)

    again = gather(directory, NOW_S)

    assert (again, books_left(directory)) == ([Measured(PAGES, 1, "", (5.0,))], 0)


def test_many_ended_books_are_put_together(directory: Path) -> None:
    for _ in range(BOOKS_MAX):
        counted(directory, "a1", 1.0).close()
    reading.tidy(directory)
    few = books_left(directory)
    counted(directory, "a1", 1.0).close()
    reading.tidy(directory)

    assert (few, books_left(directory)) == (BOOKS_MAX, 0)
    assert gather(directory, NOW_S) == [Measured(PAGES, 1, "", (BOOKS_MAX + 1.0,))]


def test_who_counts_is_not_disturbed_when_books_cannot_be_put_together(directory: Path) -> None:
    for _ in range(BOOKS_MAX + 1):
        counted(directory, "a1", 1.0).close()
    obstacle = directory / f"{reading.ENDED}.new"
    obstacle.mkdir()

    reading.tidy(directory)
    left = books_left(directory)
    obstacle.rmdir()

    assert left == BOOKS_MAX + 1
    assert gather(directory, NOW_S) == [Measured(PAGES, 1, "", (BOOKS_MAX + 1.0,))]


def test_a_line_that_is_being_written_is_left_for_later(directory: Path) -> None:
    counted(directory, "a1", 5.0)
    (lines,) = directory.glob(f"*{LINES}")
    with lines.open("ab") as file:
        file.write(b'{"at": 1, "kind": "cou')

    assert gather(directory, NOW_S) == [Measured(PAGES, 1, "", (5.0,))]


def test_a_book_grows_and_keeps_what_it_has(directory: Path) -> None:
    book = begun(directory)
    wide = DELAY._replace(boundaries=tuple(float(end) for end in range(1, 2_000)))

    for place in range(1_000):
        book.add(place, PAGES._replace(tags={"site": str(place)}))[0] = place
    book.add("wide", wide)[1_999] = 7.0
    found = gather(directory, NOW_S)

    assert [one.numbers for one in found[:-1]] == [(float(place),) for place in range(1_000)]
    assert sum(found[-1].numbers) == 7.0


def test_a_full_book_takes_nothing_more(directory: Path) -> None:
    book = begun(directory)
    book.add("wide", DELAY._replace(boundaries=tuple(map(float, range(1, NUMBERS_MAX - 1)))))

    with pytest.raises(FullError):
        book.add("pages", PAGES)
