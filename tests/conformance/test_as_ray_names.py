"""The names of Ray: which of them lead where, and what is said of those that are missing.

Owns the table, the report, and the errors. Does not own what the import does (`test_as_ray.py`).
Every test runs a program of its own, since the import holds for a whole process.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.drivers import Driver, lines_of

Drive = Callable[..., Driver]


@pytest.mark.parametrize(
    ("statement", "kind", "sentence"),
    [
        ("import ray.tune", "ModuleNotFoundError", "ray.tune is not in aktis yet; tasks, one for"),
        ("from ray import tune", "ModuleNotFoundError", "ray.tune is not in aktis yet; tasks, one"),
        ("ray.tune", "AttributeError", "ray.tune is not in aktis yet; tasks, one for"),
        (
            "from ray.data import Dataset",
            "ModuleNotFoundError",
            "ray.data.Dataset is not in aktis yet; tasks over",
        ),
        ("ray.data.range(3)", "AttributeError", "ray.data.range is not in aktis yet; tasks over"),
        (
            "from ray.data import from_pandas_refs; from_pandas_refs([])",
            "NotImplementedError",
            "ray.data.from_pandas_refs is not in aktis yet; tasks over",
        ),
        ("import ray.train.torch", "ModuleNotFoundError", "ray.train.torch is not in aktis yet; "),
        ("ray.java_function", "AttributeError", "ray.java_function is not in aktis yet; functions"),
        (
            "from ray.rllib.algorithms import ppo",
            "ModuleNotFoundError",
            "ray.rllib is not in aktis yet; actors that hold",
        ),
        (
            "from ray.experimental import set_target_for_ref",
            "ModuleNotFoundError",
            "ray.experimental.set_target_for_ref is not in aktis yet; ",
        ),
    ],
)  # fmt: skip
def test_a_name_that_is_missing_says_so_and_names_the_nearest(
    drive: Drive, statement: str, kind: str, sentence: str
) -> None:
    printed = drive(raising(statement))

    (line,) = lines_of(printed)
    assert line.startswith(f"{kind}: {sentence}")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import ray.nonsense", "ModuleNotFoundError: No module named 'ray.nonsense'"),
        ("from ray import nonsense", "ImportError: cannot import name 'nonsense' from 'ray'"),
        ("ray.nonsense", "AttributeError: module 'ray' has no attribute 'nonsense'"),
        ("ray.util.Any", "AttributeError: module 'ray.util' has no attribute 'Any'"),
        (
            "from ray.exceptions import Nonsense",
            "ImportError: cannot import name 'Nonsense' from 'ray.exceptions'",
        ),
    ],
)
def test_a_name_that_ray_has_not_either_raises_the_usual_error(
    drive: Drive, statement: str, message: str
) -> None:
    printed = drive(raising(statement))

    (line,) = lines_of(printed)
    assert line.startswith(message)


def test_libraries_that_try_an_import_go_on_without_it(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray, ray
        try:
            from ray.tune import Trainable
        except ImportError:
            print("without tune")
        print(hasattr(ray, "serve"), hasattr(ray, "put"))
        """
    )

    assert lines_of(printed) == ["without tune", "False True"]


def test_the_report_counts_what_resolves(drive: Drive) -> None:
    printed = drive(
        """
        import importlib
        import aktis.as_ray

        report = aktis.as_ray.report()
        for name in report.covered:
            module, _, attribute = name.rpartition(".")
            getattr(importlib.import_module(module), attribute)
        for name in report.missing:
            module, _, attribute = name.rpartition(".")
            try:
                # Of a library that is missing, a part may be there that others import.
                getattr(importlib.import_module(module), attribute).whatever
            except (ImportError, AttributeError) as error:
                assert "is not in aktis yet" in str(error), error
            else:
                raise AssertionError(name)
        assert "ray.get" in report.covered and "ray.exceptions.RayTaskError" in report.covered
        assert "ray.data" in report.missing and "ray.java_function" in report.missing
        print(len(report.covered), len(report.missing))
        print(report)
        """
    )

    counts, told, *_ = lines_of(printed)
    covered, missing = map(int, counts.split())
    assert covered > 100
    assert told == f"aktis has {covered} of {covered + missing} public names of Ray."


def test_every_row_of_the_table_leads_somewhere(drive: Drive) -> None:
    printed = drive(
        """
        import importlib
        import aktis.as_ray
        from aktis.as_ray.table import ELSEWHERE

        for name in ELSEWHERE:
            module, _, attribute = name.rpartition(".")
            try:
                getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError):
                print(name)
        """
    )

    assert lines_of(printed) == []


def test_no_row_of_the_table_says_what_the_rule_says(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        from aktis.as_ray.lookup import PUBLIC, counterpart
        from aktis.as_ray.table import ELSEWHERE, NEAREST

        print([name for name, place in ELSEWHERE.items() if place == counterpart(name)])
        known = {f"{module}.{name}" for module, names in PUBLIC.items() for name in names}
        known |= set(PUBLIC)
        print([name for name in NEAREST if not any(one.startswith(name) for one in known)])
        """
    )

    assert lines_of(printed) == ["[]", "[]"]


def raising(statement: str) -> str:
    """A program that prints the error of a statement."""
    return f"""
        import aktis.as_ray, ray, ray.util
        try:
            {statement}
        except Exception as error:
            print(f"{{type(error).__name__}}: {{error}}")
        """
