"""What Ray calls experimental, and a few names beside: the head's table, places of objects.

Owns `aktis.experimental` but for its bars (`test_tqdm_ray`), and what of `aktis.util` is as small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import aktis
from aktis.experimental import get_local_object_locations, get_object_locations, set_resource
from aktis.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_exists,
    _internal_kv_get,
    _internal_kv_initialized,
    _internal_kv_list,
    _internal_kv_put,
)
from aktis.util import get_node_instance_id, log_once
from aktis.util.debug import reset_log_once
from tests.conformance.drivers import Driver
from tests.conformance.waiting import Gate

pytestmark = pytest.mark.usefixtures("session")

Locate = Callable[[list[aktis.ObjectRef[Any]]], dict[aktis.ObjectRef[Any], dict[str, Any]]]
LOCATE = pytest.mark.parametrize("locate", [get_object_locations, get_local_object_locations])


def test_a_key_keeps_its_value_and_put_says_whether_it_had_one() -> None:
    assert _internal_kv_put("color", "red") is False
    assert _internal_kv_put(b"color", b"blue") is True
    assert _internal_kv_get("color") == b"blue"


def test_a_value_that_may_not_be_overwritten_stays() -> None:
    _internal_kv_put("kept", "old")

    assert _internal_kv_put("kept", "new", overwrite=False) is True
    assert _internal_kv_put("fresh", "new", overwrite=False) is False
    assert (_internal_kv_get("kept"), _internal_kv_get("fresh")) == (b"old", b"new")


def test_an_empty_value_is_a_value_and_a_missing_key_has_none() -> None:
    _internal_kv_put("empty", b"")

    assert (_internal_kv_get("empty"), _internal_kv_exists("empty")) == (b"", True)
    assert (_internal_kv_get("missing"), _internal_kv_exists("missing")) == (None, False)


def test_namespaces_keep_keys_apart() -> None:
    for namespace in (None, "one", b"two", b"\xff"):
        _internal_kv_put("shared", str(namespace), namespace=namespace)

    assert _internal_kv_get("shared") == b"None"
    assert _internal_kv_get("shared", namespace=b"one") == b"one"
    assert _internal_kv_get("shared", namespace="two") == b"b'two'"
    assert _internal_kv_get("shared", namespace=b"\xff") == b"b'\\xff'"
    assert _internal_kv_exists("shared", namespace="three") is False


def test_keys_are_listed_by_their_beginning_in_order() -> None:
    for key in ("list/b", "list/a", "lost"):
        _internal_kv_put(key, "", namespace="listing")

    assert _internal_kv_list("list/", namespace="listing") == [b"list/a", b"list/b"]
    assert _internal_kv_list(b"", namespace="listing") == [b"list/a", b"list/b", b"lost"]
    assert _internal_kv_list("", namespace="nothing here") == []


def test_del_says_how_many_keys_it_removed() -> None:
    for key in ("del/a", "del/b", "del"):
        _internal_kv_put(key, "")

    assert _internal_kv_del("del") == 1
    assert _internal_kv_del("del") == 0
    assert _internal_kv_del("del/", del_by_prefix=True) == 2
    assert _internal_kv_list("del") == []


def test_all_processes_share_the_table() -> None:
    @aktis.remote
    def add() -> bytes | None:
        _internal_kv_put("from the task", "1")
        return _internal_kv_get("from the driver")

    _internal_kv_put("from the driver", "2")

    assert aktis.get(add.remote()) == b"2"
    assert _internal_kv_get("from the task") == b"1"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: _internal_kv_get(1), "key must be a string or bytes, not 1"),  # type: ignore[arg-type]
        (lambda: _internal_kv_put("a", 1), "value must be a string or bytes, not 1"),  # type: ignore[arg-type]
        (lambda: _internal_kv_put("a", "", 1), "overwrite must be True or False, not 1"),  # type: ignore[arg-type]
        (lambda: _internal_kv_del(None), "key must be a string or bytes, not None"),  # type: ignore[arg-type]
        (lambda: _internal_kv_list(1), "prefix must be a string or bytes, not 1"),  # type: ignore[arg-type]
        (
            lambda: _internal_kv_get("a", namespace=1),  # type: ignore[arg-type]
            "namespace must be a string or bytes, not 1",
        ),
    ],
)
def test_what_is_neither_text_nor_bytes_is_refused(
    call: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        call()


def test_there_is_no_table_without_a_session(drive: Callable[..., Driver]) -> None:
    driver = drive(
        """
        import aktis
        from aktis.experimental.internal_kv import _internal_kv_get, _internal_kv_initialized

        print(_internal_kv_initialized())
        try:
            _internal_kv_get("key")
        except RuntimeError as error:
            print(error)
        print(aktis.is_initialized())
        """
    )

    assert _internal_kv_initialized()
    assert driver.lines == [
        "False",
        "there is no table without a session; call aktis.init() first",
        "False",
    ]


@LOCATE
def test_a_large_object_lies_on_a_node(locate: Locate) -> None:
    ref = aktis.put(np.zeros(100_000))

    (place,) = locate([ref]).values()

    node = aktis.get_runtime_context().get_node_id()
    assert (place["node_ids"], place["did_spill"]) == ([node], False)
    assert 800_000 <= place["object_size"] < 801_000


@LOCATE
def test_a_small_object_lies_on_no_node(locate: Locate) -> None:
    ref = aktis.put("small")

    (place,) = locate([ref]).values()

    assert place["node_ids"] == []
    assert 0 < place["object_size"] < 100


@LOCATE
def test_the_result_of_a_task_lies_nowhere_until_it_is_there(locate: Locate, gate: Gate) -> None:
    @aktis.remote
    def make() -> np.ndarray[Any, Any]:
        gate.wait()
        return np.zeros(100_000)

    ref = make.remote()
    before = locate([ref])
    gate.open()
    aktis.wait([ref])
    after = locate([ref])

    assert before == {ref: {"node_ids": [], "object_size": None, "did_spill": False}}
    assert after[ref]["node_ids"] == [aktis.get_runtime_context().get_node_id()]


@LOCATE
def test_a_result_that_failed_has_no_size(locate: Locate) -> None:
    @aktis.remote
    def fail() -> None:
        raise ValueError

    ref = fail.remote()
    aktis.wait([ref])

    assert locate([ref]) == {ref: {"node_ids": [], "object_size": None, "did_spill": False}}


@LOCATE
def test_a_ref_may_be_asked_for_twice(locate: Locate) -> None:
    ref = aktis.put(1)

    assert list(locate([ref, ref])) == [ref]
    assert locate([]) == {}


@LOCATE
@pytest.mark.parametrize("given", [1, [1], [None]])
def test_what_is_no_list_of_refs_has_no_place(locate: Any, given: object) -> None:
    with pytest.raises(TypeError, match=r"takes a list of ObjectRef, not"):
        locate(given)
    with pytest.raises(TypeError, match=r"takes a list of ObjectRef, not"):
        locate(aktis.put(1))


def test_what_only_its_owner_knows_is_not_known_at_once_elsewhere() -> None:
    @aktis.remote
    def ask(refs: list[aktis.ObjectRef[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        local = get_local_object_locations(refs)[refs[0]]
        return local, get_object_locations(refs, timeout_ms=10_000)[refs[0]]

    local, asked = aktis.get(ask.remote([aktis.put("small")]))

    assert local == {"node_ids": [], "object_size": None, "did_spill": False}
    assert asked["object_size"] > 0


def test_a_task_can_ask_where_an_object_of_others_lies() -> None:
    @aktis.remote
    def ask(refs: list[aktis.ObjectRef[Any]]) -> dict[str, Any]:
        return get_object_locations(refs, timeout_ms=10_000)[refs[0]]

    place = aktis.get(ask.remote([aktis.put(np.zeros(100_000))]))

    assert place["node_ids"] == [aktis.get_runtime_context().get_node_id()]


def test_places_are_asked_for_in_a_session(drive: Callable[..., Driver]) -> None:
    driver = drive(
        """
        import aktis
        from aktis.experimental import get_local_object_locations, get_object_locations

        for ask in (get_object_locations, get_local_object_locations):
            try:
                ask([])
            except RuntimeError as error:
                print(error)
        """
    )

    assert driver.lines == [
        "get_object_locations() needs a session; call aktis.init() first",
        "get_local_object_locations() needs a session; call aktis.init() first",
    ]


def test_amounts_of_a_node_do_not_change() -> None:
    with pytest.raises(
        DeprecationWarning, match=r"set_resource\('widget', 2\): .* init\(resources="
    ):
        set_resource("widget", 2)


def test_a_key_that_is_reset_is_met_for_the_first_time_again() -> None:
    first = [log_once("reset one"), log_once("reset two")]
    reset_log_once("reset one")
    second = [log_once("reset one"), log_once("reset two")]
    reset_log_once("never met")
    reset_log_once()
    third = [log_once("reset one"), log_once("reset two")]

    assert (first, second, third) == ([True, True], [True, False], [True, True])


def test_the_cloud_may_have_a_name_for_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = get_node_instance_id()
    monkeypatch.setenv("RAY_CLOUD_INSTANCE_ID", "i-1234")

    assert (before, get_node_instance_id()) == ("", "i-1234")
