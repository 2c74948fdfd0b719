"""How actors are found by name, and which of them outlive their creators.

Owns names, namespaces, detached actors and weak handles.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

import aktis
import aktis.util
from aktis.exceptions import ActorAlreadyExistsError, ActorDiedError
from tests.conformance.conftest import NAMESPACE
from tests.conformance.waiting import process_is_gone, wait_for

pytestmark = pytest.mark.usefixtures("session")


def test_a_named_actor_is_found_by_its_name() -> None:
    cell = Cell.options(name="found").remote()
    aktis.get(cell.write.remote(5))

    found = aktis.get_actor("found")

    assert found == cell
    assert aktis.get(found.read.remote()) == 5


def test_a_named_actor_is_found_at_once_after_its_creation() -> None:
    cell = Cell.options(name="at_once").remote()

    assert aktis.get_actor("at_once") == cell


def test_a_named_actor_is_found_in_tasks() -> None:
    @aktis.remote
    def read(name: str) -> Any:
        return aktis.get(aktis.get_actor(name).read.remote())

    cell = Cell.options(name="in_tasks").remote()
    cell.write.remote("shared")

    aktis.get(cell.read.remote())
    assert aktis.get(read.remote("in_tasks")) == "shared"


def test_a_name_nobody_has_is_a_value_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="nobody"):
        aktis.get_actor("nobody")


def test_a_name_can_be_taken_once() -> None:
    cell = Cell.options(name="taken").remote()

    with pytest.raises(ActorAlreadyExistsError, match="taken") as caught:
        Cell.options(name="taken").remote()
    assert isinstance(caught.value, ValueError)
    assert aktis.get_actor("taken") == cell


def test_a_name_is_free_again_after_kill() -> None:
    first = Cell.options(name="reused").remote()
    aktis.get(first.read.remote())
    aktis.kill(first)

    wait_for(lambda: is_free("reused"))
    second = Cell.options(name="reused").remote()
    assert aktis.get_actor("reused") == second
    assert second != first


def test_a_name_is_free_again_after_the_last_handle() -> None:
    cell = Cell.options(name="dropped").remote()
    aktis.get(cell.read.remote())
    del cell
    gc.collect()

    wait_for(lambda: is_free("dropped"))


@pytest.mark.parametrize(("name", "error"), [("", ValueError), (3, TypeError)], ids=repr)
def test_a_name_is_a_string_that_is_not_empty(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Cell.options(name=name).remote()


def test_a_handle_found_by_name_does_not_keep_the_actor() -> None:
    cell = Cell.options(name="weakly_held").remote()
    process_id = aktis.get(cell.process_id.remote())
    weak = aktis.get_actor("weakly_held")
    del cell
    gc.collect()

    wait_for(lambda: process_is_gone(process_id))
    with pytest.raises(ActorDiedError):
        aktis.get(weak.read.remote(), timeout=30)


def test_names_are_looked_up_in_the_own_namespace_unless_told_otherwise() -> None:
    cell = Cell.options(name="abroad", namespace="elsewhere").remote()

    assert is_free("abroad")
    assert aktis.get_actor("abroad", namespace="elsewhere") == cell
    assert aktis.get_actor("abroad", "elsewhere") == cell


def test_one_name_may_be_used_in_two_namespaces() -> None:
    here = Cell.options(name="both").remote()
    there = Cell.options(name="both", namespace="elsewhere").remote()

    assert aktis.get_actor("both") == here
    assert aktis.get_actor("both", namespace="elsewhere") == there


def test_get_if_exists_gives_the_actor_that_is_there() -> None:
    first = Cell.options(name="once", get_if_exists=True).remote(1)
    second = Cell.options(name="once", get_if_exists=True).remote(2)

    assert first == second
    assert aktis.get(second.read.remote()) == 1


def test_get_if_exists_needs_a_name() -> None:
    with pytest.raises(ValueError):
        Cell.options(get_if_exists=True).remote()


def test_get_if_exists_makes_one_actor_for_many_callers() -> None:
    @aktis.remote
    def find() -> Any:
        return aktis.get(
            Cell.options(name="raced", get_if_exists=True, lifetime="detached")
            .remote()
            .process_id.remote()
        )

    assert len(set(aktis.get([find.remote() for _ in range(8)]))) == 1
    aktis.kill(aktis.get_actor("raced"))


def test_named_actors_can_be_listed() -> None:
    here = Cell.options(name="listed").remote()
    there = Cell.options(name="listed_too", namespace="elsewhere").remote()
    aktis.get([here.read.remote(), there.read.remote()])

    assert "listed" in aktis.util.list_named_actors()
    assert "listed_too" not in aktis.util.list_named_actors()
    everything = aktis.util.list_named_actors(all_namespaces=True)
    assert {"name": "listed", "namespace": NAMESPACE} in everything
    assert {"name": "listed_too", "namespace": "elsewhere"} in everything


def test_a_lifetime_is_detached_or_not() -> None:
    with pytest.raises(ValueError):
        Cell.options(lifetime="eternal").remote()
    cell = Cell.options(lifetime="non_detached").remote()
    assert aktis.get(cell.read.remote()) is None


def test_a_detached_actor_outlives_its_handles_until_it_is_killed() -> None:
    cell = Cell.options(name="immortal", lifetime="detached").remote()
    process_id = aktis.get(cell.process_id.remote())
    del cell
    gc.collect()

    assert aktis.get(aktis.get_actor("immortal").process_id.remote()) == process_id
    aktis.kill(aktis.get_actor("immortal"))
    wait_for(lambda: process_is_gone(process_id))


def test_a_detached_actor_outlives_the_actor_that_created_it() -> None:
    creator = Creator.remote()
    kept = aktis.get(creator.create.remote("orphan", "detached"))
    lost = aktis.get(creator.create.remote("dependent", None))

    aktis.kill(creator)

    wait_for(lambda: process_is_gone(lost), story="the actor owned by the killed one ended")
    assert aktis.get(aktis.get_actor("orphan").process_id.remote()) == kept
    aktis.kill(aktis.get_actor("orphan"))


def test_the_name_of_an_actor_is_known_inside_it() -> None:
    @aktis.remote
    class Named:
        def name(self) -> str | None:
            return aktis.get_runtime_context().get_actor_name()

    named = Named.options(name="self_aware").remote()

    assert aktis.get(named.name.remote()) == "self_aware"


def is_free(name: str) -> bool:
    """Whether no living actor of this namespace has the name."""
    try:
        aktis.get_actor(name)
    except ValueError:
        return True
    return False


@aktis.remote
class Cell:
    def __init__(self, value: Any = None) -> None:
        self.value = value

    def write(self, value: Any) -> None:
        self.value = value

    def read(self) -> Any:
        return self.value

    def process_id(self) -> int:
        return os.getpid()


@aktis.remote
class Creator:
    def __init__(self) -> None:
        self.created: list[Any] = []

    def create(self, name: str, lifetime: str | None) -> Any:
        cell = Cell.options(name=name, lifetime=lifetime).remote()
        self.created.append(cell)
        return aktis.get(cell.process_id.remote())
