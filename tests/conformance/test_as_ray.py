"""Programs written for Ray run unchanged: `import ray` gives aktis, in the driver and in workers.

Owns what the import does. Does not own the table of names, nor what is said of those that are
missing (`test_as_ray_names.py`), nor the ways to start a program so (`test_as_ray_start.py`).
Every test runs a program of its own, since the import holds for a whole process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.drivers import Driver, lines_of

Drive = Callable[..., Driver]


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
        from ray.util.collective.types import Backend, BarrierOptions, ReduceOp
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
        print(BaseGroup.__name__, BarrierOptions(), ParallelIteratorWorker.__name__)
        print(from_range(3).take(3))
        ray.shutdown()
        """
    )

    assert lines_of(printed) == [
        "[[2.0, 2.0], [2.0, 2.0]]",
        "BaseGroup BarrierOptions() ParallelIteratorWorker",
        "[0, 1, 2]",
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
