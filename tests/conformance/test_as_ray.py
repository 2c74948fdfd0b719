"""Programs written for Ray run unchanged: `import ray` gives aktis, in the driver and in workers.

Owns what the import does. Does not own the ways to start a program so (`test_as_ray_start.py`).
Every test runs a program of its own, since the import holds for a whole process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.drivers import Driver

Drive = Callable[..., Driver]


def lines_of(driver: Driver) -> list[str]:
    """What a driver printed; one that failed or complained fails the test."""
    assert driver.returncode == 0, driver.printed
    assert driver.stderr == "", driver.stderr
    return driver.lines


@pytest.fixture
def ray_beside(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package named `ray` is installed, which tells when it is loaded."""
    package = tmp_path / "beside" / "ray"
    (package / "util").mkdir(parents=True)
    (package / "__init__.py").write_text("print('Ray itself')\n__version__ = '0'\n")
    (package / "util" / "__init__.py").write_text("print('Ray itself')\n")
    (package / "stranger.py").write_text("print('Ray itself')\n")
    return {"PYTHONPATH": f"{package.parent}{os.pathsep}{os.environ['PYTHONPATH']}"}


def test_names_of_ray_are_the_objects_of_aktis(drive: Drive) -> None:
    printed = drive(
        """
        import aktis, aktis.as_ray, aktis.groups
        import ray
        import ray.exceptions, ray.util.scheduling_strategies as strategies
        from ray.actor import ActorHandle
        from ray.util.placement_group import PlacementGroup

        assert ray.get is aktis.get
        assert ray.ObjectRef is aktis.ObjectRef
        assert ray.exceptions.RayTaskError is aktis.exceptions.TaskError
        assert ray.exceptions.GetTimeoutError is aktis.exceptions.GetTimeoutError
        assert ActorHandle is aktis.actor.ActorHandle
        assert strategies.In is aktis.util.scheduling_strategies.In
        assert PlacementGroup is aktis.groups.PlacementGroup
        print(ray.__version__)
        """
    )

    assert lines_of(printed) == ["2.60.0"]


def test_a_program_of_ray_with_groups_and_backends_of_its_own_runs(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import numpy as np
        import ray
        import ray.util.collective as col
        from ray.util.collective.collective_group.base_collective_group import BaseGroup
        from ray.util.collective.types import Backend, ReduceOp
        from ray.util.iter import ParallelIteratorWorker, from_range

        @ray.remote(num_cpus=0)
        class Worker:
            def init_group(self, world_size, rank):
                col.init_collective_group(world_size, rank, Backend.GLOO, "default")

            def compute(self):
                sent = np.ones(2, dtype=np.float32)
                col.allreduce(sent, "default", op=ReduceOp.SUM)
                return sent.tolist()

        ray.init(num_cpus=2)
        workers = [Worker.remote() for _ in range(2)]
        ray.get([worker.init_group.remote(2, rank) for rank, worker in enumerate(workers)])
        print(ray.get([worker.compute.remote() for worker in workers]))
        print(BaseGroup.__name__, ParallelIteratorWorker.__name__, from_range(3).take(3))
        ray.shutdown()
        """
    )

    assert lines_of(printed) == [
        "[[2.0, 2.0], [2.0, 2.0]]",
        "BaseGroup ParallelIteratorWorker [0, 1, 2]",
    ]


def test_modules_below_are_there_without_an_import_of_their_own(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray, ray
        print(ray.util.scheduling_strategies.In.__name__)
        print(ray.runtime_env.RuntimeEnv.__name__, ray.cloudpickle.dumps.__name__)
        """
    )

    assert lines_of(printed) == ["In", "RuntimeEnv dumps"]


def test_a_function_keeps_its_name_though_a_module_has_it_too(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import ray.util.placement_group
        from ray.util import placement_group
        assert callable(placement_group) and ray.util.placement_group is placement_group
        from ray.util.placement_group import placement_group as again
        print(again is placement_group)
        """
    )

    assert lines_of(printed) == ["True"]


def test_a_star_import_brings_what_is_there(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        from ray import *
        from ray.util.scheduling_strategies import *
        print(get.__name__, remote.__name__, In.__name__)
        """
    )

    assert lines_of(printed) == ["get remote In"]


def test_workers_know_ray_too(drive: Drive, tmp_path: Path) -> None:
    (tmp_path / "tasks_of_user.py").write_text(
        "import ray\nfrom ray.util import get_node_ip_address\n\n"
        "@ray.remote\ndef inner(number):\n    return ray.get(ray.put(number)) + 1\n"
    )

    printed = drive(
        """
        import aktis.as_ray
        import ray
        ray.init(num_cpus=2)

        @ray.remote
        def by_closure():
            return ray.__name__

        @ray.remote
        def by_import():
            from ray.exceptions import RayTaskError
            import tasks_of_user
            return RayTaskError.__name__, ray.get(tasks_of_user.inner.remote(1))

        @ray.remote
        class Actor:
            def find(self):
                from ray import get_runtime_context
                return get_runtime_context().get_actor_id() is not None

        actor = Actor.remote()
        print(ray.get([by_closure.remote(), by_import.remote(), actor.find.remote()]))
        """
    )

    assert lines_of(printed) == ["['ray', ('TaskError', 2), True]"]


def test_what_names_a_module_of_ray_travels_to_workers_and_back(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import ray, ray.exceptions, ray.util

        @ray.remote
        def back(thing):
            return thing

        things = [ray.exceptions.RayError, ray.get, ray.cloudpickle.dumps, ray.ObjectRef]
        assert ray.get(back.remote(things)) == things
        modules = lambda: (ray, ray.util)
        assert ray.get(back.remote(modules))() == (ray, ray.util)
        print("same")
        """
    )

    assert lines_of(printed) == ["same"]


def test_errors_of_tasks_are_caught_by_the_names_of_ray(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        @ray.remote
        def fail():
            raise KeyError("lost")

        @ray.remote
        class Leaving:
            def leave(self):
                ray.actor.exit_actor()

        try:
            ray.get(fail.remote())
        except RayTaskError as error:
            print(isinstance(error, KeyError), isinstance(error, RayError))
        leaving = Leaving.remote()
        try:
            ray.get([leaving.leave.remote(), leaving.leave.remote()])
        except RayActorError as error:
            print(type(error).__name__)
        """
    )

    assert lines_of(printed) == ["True True", "ActorDiedError"]


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


def raising(statement: str) -> str:
    """A program that prints the error of a statement."""
    return f"""
        import aktis.as_ray, ray, ray.util
        try:
            {statement}
        except Exception as error:
            print(f"{{type(error).__name__}}: {{error}}")
        """


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


def test_ray_installed_beside_is_never_loaded(drive: Drive, ray_beside: dict[str, str]) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import ray, ray.util

        @ray.remote
        def version():
            import ray
            import ray.util
            return ray.__version__

        try:
            import ray.stranger
        except ModuleNotFoundError as error:
            print(error)
        print(ray.get(version.remote()))
        """,
        env=ray_beside,
    )

    assert lines_of(printed) == ["No module named 'ray.stranger'", "2.60.0"]


def test_without_the_import_ray_is_what_is_installed(
    drive: Drive, ray_beside: dict[str, str]
) -> None:
    printed = drive(
        """
        import aktis

        @aktis.remote
        def version():
            import ray
            return ray.__version__

        print(aktis.get(version.options(max_retries=0).remote()))
        """,
        env=ray_beside,
    )

    assert printed.returncode == 0, printed.printed
    assert "0" in printed.lines
    assert "Ray itself" in printed.stdout


def test_ray_imported_before_is_an_error(drive: Drive, ray_beside: dict[str, str]) -> None:
    printed = drive("import ray\nimport aktis.as_ray", env=ray_beside)

    assert printed.returncode != 0
    assert "ImportError: ray was imported before aktis.as_ray, from " in printed.stderr
    assert "import aktis.as_ray first" in printed.stderr


def test_the_import_after_the_session_began_is_an_error(drive: Drive) -> None:
    printed = drive(
        """
        import aktis
        aktis.init(num_cpus=1)
        try:
            import aktis.as_ray
        except RuntimeError as error:
            print(error)
        try:
            import ray
        except ModuleNotFoundError as error:
            print(error)
        aktis.shutdown()
        import aktis.as_ray
        import ray
        print(ray.get(ray.put(1)))
        """
    )

    first, second, third = lines_of(printed)
    assert first.startswith("import aktis.as_ray before the session begins")
    assert second == "No module named 'ray'"
    assert third == "1"


def test_ray_is_an_installed_package_to_who_asks(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        from importlib.metadata import PackageNotFoundError, distributions, version
        import ray

        @ray.remote
        def version_there():
            return version("ray")

        ray.init(num_cpus=1)
        print(version("ray"), ray.get(version_there.remote()))
        print(sum(one.metadata["Name"] == "ray" for one in distributions()))
        print(version("cloudpickle") != version("ray"))
        try:
            version("raymond")
        except PackageNotFoundError as error:
            print(error.name)
        """
    )

    assert lines_of(printed) == ["2.60.0 2.60.0", "1", "True", "raymond"]


def test_a_library_learns_where_it_runs(drive: Drive) -> None:
    printed = drive(
        """
        import aktis.as_ray
        import ray

        def mode():
            return ray._private.worker.global_worker.mode

        print(mode(), ray.util.client.ray.get_context().is_connected())
        ray.init(num_cpus=1)
        print(mode() == ray.SCRIPT_MODE, ray.get(ray.remote(mode).remote()) == ray.WORKER_MODE)
        """
    )

    assert lines_of(printed) == ["None False", "True True"]


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
