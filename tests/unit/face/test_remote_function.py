"""Variants of remote functions: what `options` returns, before any session."""

from __future__ import annotations

from typing import Any

import pytest

import aktis
from aktis.remote_function import VARIANTS_MAX


@pytest.fixture
def double() -> Any:
    """A remote function."""
    return aktis.remote(num_cpus=2)(twice)


def test_the_same_options_give_the_same_variant(double: Any) -> None:
    assert double.options(num_cpus=1, name="a") is double.options(num_cpus=1, name="a")


def test_other_options_give_other_variants(double: Any) -> None:
    variants = [double.options(num_returns=count) for count in (1, 2)]
    variants += [double.options(num_returns=1, name="a"), double.options()]

    assert len({id(variant) for variant in [double, *variants]}) == 5


def test_options_that_may_change_are_never_shared(double: Any) -> None:
    amounts = {"widget": 1.0}

    first = double.options(resources=amounts)
    amounts["widget"] = 2.0

    assert double.options(resources=amounts) is not first
    assert double.options(resources={"widget": 1.0}) is not first


def test_more_variants_than_are_remembered_can_be_made(double: Any) -> None:
    variants = [double.options(name=f"variant {number}") for number in range(2 * VARIANTS_MAX)]

    assert len({id(variant) for variant in variants}) == 2 * VARIANTS_MAX


def test_options_of_a_variant_add_to_its_own(double: Any) -> None:
    variant = double.options(num_cpus=1).options(name="a")

    assert variant._options == {"num_cpus": 1, "name": "a"}


def twice(number: int) -> int:
    return 2 * number
