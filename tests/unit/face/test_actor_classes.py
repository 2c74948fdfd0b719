"""What can be said of an actor class before any actor is made.

Owns descriptions of methods and the refusals of a class. Actors themselves need processes.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import aktis
from aktis import methods
from aktis.actor import ActorClassInheritanceException
from aktis.methods import ClassInfo, KnownClass


class Parent:
    def inherited(self, value: int) -> int:
        return value

    def overridden(self) -> None: ...


class Child(Parent):
    @aktis.method(num_returns=2)
    def overridden(self, extra: int) -> Any:  # type: ignore[override]
        return extra, extra

    @staticmethod
    def without_self(value: int) -> int:
        return value

    @classmethod
    def of_class(cls, value: int) -> int:
        return value

    def stream(self) -> Any:
        yield 1

    async def wait(self) -> None: ...


def test_methods_of_a_class_are_its_own_its_bases_and_the_injected() -> None:
    found = methods.methods_of(Child)

    assert found.keys() >= {"inherited", "overridden", "without_self", "of_class", "stream", "wait"}
    assert found.keys() >= {"__ray_ready__", "__aktis_ready__", "__ray_call__", "__ray_terminate__"}
    assert found["overridden"].options == {"num_returns": 2}
    assert found["stream"].is_generator
    assert not found["inherited"].is_generator


@pytest.mark.parametrize("name", ["inherited", "overridden", "without_self", "of_class"])
def test_each_takes_one_argument_from_its_callers(name: str) -> None:
    signature = methods.methods_of(Child)[name].signature

    signature.check((1,), {})
    for args in ((), (1, 2)):
        with pytest.raises(TypeError, match=f"Child.{name}"):
            signature.check(args, {})


def test_one_async_method_makes_the_class_async() -> None:
    assert methods.has_async_methods(Child)
    assert not methods.has_async_methods(Parent)


def test_a_description_survives_pickling_and_is_shared() -> None:
    info = ClassInfo("Child", b"f" * 16, methods.methods_of(Child), {}, "", ("pack",), ordered=True)
    pickled = pickle.dumps(info)

    known = methods.known_class(pickled)

    assert isinstance(known, KnownClass)
    assert known.info.methods.keys() == info.methods.keys()
    assert methods.known_class(pickled) is known


def test_a_class_is_refused_whose_method_names_an_undeclared_group() -> None:
    class Wrong:
        @aktis.method(concurrency_group="io")
        def read(self) -> None: ...

    with pytest.raises(ValueError, match="'io'"):
        aktis.remote(Wrong)
    aktis.remote(concurrency_groups={"io": 1})(Wrong)


def test_an_actor_class_has_no_instances_and_no_children_here() -> None:
    remote = aktis.remote(Parent)

    with pytest.raises(TypeError, match=r"Parent\.remote"):
        remote()
    with pytest.raises(ActorClassInheritanceException, match="Parent"):

        class _Child(remote): ...  # type: ignore[misc, valid-type]


def test_the_class_behind_an_actor_class_can_be_found() -> None:
    remote = aktis.remote(Parent)

    assert remote.__ray_metadata__.modified_class is Parent
    assert remote.__module__ == __name__


@pytest.mark.parametrize("wrong", [{"num_returns": 2}, {"max_retries": 1}, {"colour": 1}])
def test_options_that_an_actor_does_not_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no option of an actor"):
        aktis.remote(**wrong)(Parent)
