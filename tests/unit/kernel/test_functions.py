"""Publishing functions: their ids, their sizes, and that each is sent once.

Owns what is told to a head that is a list. The way to a real worker is in `tests/conformance`.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from aktis._kernel import functions, session


@dataclass
class ListHead:
    """Keeps what was published, as an engine would tell the head."""

    job: int = 1
    told: list[tuple[int, bytes, bytes]] = field(default_factory=list)

    def identity(self) -> dict[str, Any]:
        return {"session": "", "worker": {"node": 1, "number": 1}}

    def tell(self, message: dict[str, Any], /) -> None:
        put = message["PutFunction"]
        self.told.append((put["job"], put["function"], put["pickle"]))

    def ask(self, question: dict[str, Any], /) -> str | dict[str, bytes]:
        wanted = question["Function"]
        found = [data for job, name, data in self.told if (job, name) == wanted]
        return {"Bytes": found[-1]} if found else "Nothing"


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> ListHead:
    """A session whose engine is a list."""
    engine: Any = ListHead()
    made = session.Session(engine, namespace="", is_driver=True, session_dir="")
    monkeypatch.setattr(session, "_sessions", [made])
    return cast("ListHead", engine)


def test_a_published_function_can_be_fetched(head: ListHead) -> None:
    function_id = functions.publish(lambda value: value + 1)

    assert len(function_id) == functions.ID_BYTES
    assert functions.fetch(function_id, head.job)(1) == 2


def test_the_same_function_is_sent_once(head: ListHead) -> None:
    first = functions.publish(len)
    second = functions.publish(len)

    assert first == second
    assert len(head.told) == 1


def test_a_function_is_sent_anew_for_another_job(head: ListHead) -> None:
    functions.publish(len)
    head.job = 2
    functions.publish(len)

    assert [job for job, _, _ in head.told] == [1, 2]


def test_a_function_is_captured_as_it_is_when_published(head: ListHead) -> None:
    factor = 2

    def scale(value: int) -> int:
        return factor * value

    function_id = functions.publish(scale)
    factor = 3

    assert functions.fetch(function_id, head.job)(10) == 20


def test_a_function_keeps_the_name_of_its_file_and_so_do_those_within(head: ListHead) -> None:
    def outer() -> Any:
        def inner() -> None: ...

        return inner

    fetched = functions.fetch(functions.publish(outer), head.job)

    assert fetched.__code__.co_filename == __file__
    assert fetched().__code__.co_filename == __file__


def test_a_function_that_nobody_published_is_an_error(head: ListHead) -> None:
    with pytest.raises(LookupError, match="knows no function"):
        functions.fetch(bytes(functions.ID_BYTES), head.job)


def test_an_error_while_a_function_is_unpickled_says_so(head: ListHead) -> None:
    class TwoWordsError(Exception):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(f"{first} {second}")

    error = TwoWordsError("not", "alone")

    with pytest.raises(TypeError, match="second") as caught:
        functions.fetch(functions.publish(lambda: error), head.job)
    assert "as the function was unpickled" in caught.value.__notes__[0]


def test_a_function_with_much_data_is_warned_about(
    head: ListHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "PICKLE_BYTES_SUSPECT", 1000)
    ballast = bytes(5000)

    with pytest.warns(UserWarning, match=r"carry.*put") as caught:
        functions.publish(carry(ballast))
    assert [warning.filename for warning in caught] == [__file__]
    assert len(head.told) == 1


def test_a_function_with_too_much_data_is_refused(
    head: ListHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "PICKLE_BYTES_SUSPECT", 1000)
    monkeypatch.setattr(functions, "PICKLE_BYTES_MAX", 2000)

    with pytest.raises(ValueError, match=r"carry.*put"):
        functions.publish(carry(bytes(5000)))
    assert head.told == []


def test_a_closure_that_cannot_be_pickled_is_an_error(head: ListHead) -> None:
    import threading

    lock = threading.Lock()

    with pytest.raises(TypeError, match="lock"):
        functions.publish(lambda: (lock, 1))
    assert head.told == []


def test_what_is_sent_is_a_pickle(head: ListHead) -> None:
    functions.publish(sum)

    assert pickle.loads(head.told[0][2]) is sum


def carry(ballast: bytes) -> Any:
    def carry() -> int:
        return len(ballast)

    return carry
