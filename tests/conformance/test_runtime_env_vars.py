"""Which environment variables and setup hooks a job, a task and an actor bring.

Owns `env_vars`, their inheritance and the setup hook. Packages and files are no rows of this suite.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import aktis
from aktis.exceptions import RuntimeEnvSetupError
from aktis.runtime_env import RuntimeEnv

pytestmark = pytest.mark.usefixtures("session")


def test_a_task_sees_its_variables() -> None:
    painted = variable.options(runtime_env=with_vars(COLOUR="blue"))

    assert aktis.get(painted.remote("COLOUR")) == "blue"


def test_an_actor_sees_its_variables_in_every_call() -> None:
    actor = Reader.options(runtime_env=with_vars(COLOUR="blue")).remote()

    assert aktis.get([actor.read.remote("COLOUR") for _ in range(2)]) == ["blue", "blue"]


def test_variables_may_stand_in_the_decorator() -> None:
    @aktis.remote(runtime_env={"env_vars": {"COLOUR": "green"}})
    def read() -> str | None:
        return os.environ.get("COLOUR")

    assert aktis.get(read.remote()) == "green"


def test_other_tasks_do_not_see_them() -> None:
    aktis.get(variable.options(runtime_env=with_vars(OWN="mine")).remote("OWN"))

    assert aktis.get([variable.remote("OWN") for _ in range(8)]) == [None] * 8


def test_other_variables_mean_another_process() -> None:
    @aktis.remote
    def process_id() -> int:
        return os.getpid()

    plain = aktis.get(process_id.remote())

    assert aktis.get(process_id.options(runtime_env=with_vars(A="1")).remote()) != plain


def test_the_variables_are_there_when_modules_are_imported() -> None:
    @aktis.remote(runtime_env={"env_vars": {"PYTHONHASHSEED": "0", "TZ": "UTC"}})
    def zone() -> str | None:
        return os.environ.get("TZ")

    assert aktis.get(zone.remote()) == "UTC"


def test_a_variable_may_refer_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLOUR", raising=False)
    environment = with_vars(PATH="/first:${PATH}")

    path = aktis.get(variable.options(runtime_env=environment).remote("PATH"))

    assert path is not None
    assert path.startswith("/first:")
    assert path.endswith(os.environ["PATH"])


def test_children_inherit_the_environment_of_their_parent() -> None:
    environment = with_vars(COLOUR="blue")

    assert aktis.get(child_variable.options(runtime_env=environment).remote("COLOUR")) == "blue"
    actor = Reader.options(runtime_env=environment).remote()
    assert aktis.get(actor.read_in_child.remote("COLOUR")) == "blue"


def test_variables_of_a_child_are_merged_with_those_of_its_parent() -> None:
    @aktis.remote(runtime_env={"env_vars": {"COLOUR": "blue", "SHAPE": "round"}})
    def parent() -> list[Any]:
        child = variables.options(runtime_env=with_vars(COLOUR="red", SIZE="small"))
        return aktis.get(child.remote("COLOUR", "SHAPE", "SIZE"))

    assert aktis.get(parent.remote()) == ["red", "round", "small"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"env_vars": {"COLOUR": 1}},
        {"env_vars": {1: "blue"}},
        {"env_vars": ["COLOUR"]},
        "env_vars",
    ],
    ids=repr,
)
def test_variables_are_texts_by_name(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        variable.options(runtime_env=wrong).remote("COLOUR")


def test_an_environment_is_a_dictionary_that_was_checked() -> None:
    environment = RuntimeEnv(env_vars={"COLOUR": "blue"})

    assert environment["env_vars"] == {"COLOUR": "blue"}
    assert environment.env_vars() == {"COLOUR": "blue"}
    with pytest.raises((TypeError, ValueError)):
        RuntimeEnv(env_vars={"COLOUR": 1})  # type: ignore[dict-item]
    assert aktis.get(variable.options(runtime_env=environment).remote("COLOUR")) == "blue"


def test_two_ways_to_install_packages_exclude_each_other() -> None:
    with pytest.raises(ValueError):
        RuntimeEnv(pip=["one"], conda="other")


def test_a_setup_hook_runs_before_the_first_task(drive: Callable[..., Any]) -> None:
    driver = drive(
        """
        import os
        import aktis

        def prepare():
            os.environ["PREPARED"] = "yes"

        @aktis.remote
        def read():
            return os.environ.get("PREPARED")

        aktis.init(address="local", num_cpus=1, runtime_env={"worker_process_setup_hook": prepare})
        print(aktis.get(read.remote()))
        """
    )

    assert driver.lines == ["yes"], driver.printed


def test_a_setup_hook_may_be_the_name_of_a_function_and_fails_the_task_if_it_fails(
    drive: Callable[..., Any],
) -> None:
    driver = drive(
        """
        import aktis
        from aktis.exceptions import RuntimeEnvSetupError

        @aktis.remote
        def nothing():
            pass

        def first_error(hook):
            with aktis.init(address="local", runtime_env={"worker_process_setup_hook": hook}):
                for _ in range(2):
                    try:
                        aktis.get(nothing.remote())
                    except RuntimeEnvSetupError as error:
                        print(hook in str(error))

        first_error("os.getpid")
        first_error("os.no_such_function")
        """
    )

    assert driver.lines == ["True", "True"], driver.printed


def test_a_setup_hook_is_of_a_whole_job() -> None:
    environment = {"worker_process_setup_hook": "os.getpid"}

    with pytest.raises(ValueError, match="init"):
        variable.options(runtime_env=environment).remote("COLOUR")


def test_variables_of_the_job_reach_every_task_and_actor(drive: Callable[..., Any]) -> None:
    driver = drive(
        """
        import os
        import aktis

        @aktis.remote
        def read():
            return os.environ.get("COLOUR")

        @aktis.remote
        class Reader:
            def read(self):
                return os.environ.get("COLOUR")

        aktis.init(address="local", num_cpus=1, runtime_env={"env_vars": {"COLOUR": "blue"}})
        changed = read.options(runtime_env={"env_vars": {"COLOUR": "red"}})
        print(aktis.get(read.remote()), aktis.get(Reader.remote().read.remote()))
        print(aktis.get(changed.remote()), os.environ.get("COLOUR"))
        """
    )

    assert driver.lines == ["blue blue", "red None"], driver.printed


def test_an_environment_that_cannot_be_made_fails_the_task() -> None:
    environment = {"working_dir": "/there/is/no/such/directory"}

    with pytest.raises((ValueError, RuntimeEnvSetupError)):
        aktis.get(variable.options(runtime_env=environment).remote("COLOUR"), timeout=30)


def with_vars(**variables: str) -> dict[str, dict[str, str]]:
    """A runtime environment of variables alone."""
    return {"env_vars": variables}


@aktis.remote
def variable(name: str) -> str | None:
    return os.environ.get(name)


@aktis.remote
def variables(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]


@aktis.remote
def child_variable(name: str) -> str | None:
    return aktis.get(variable.remote(name))


@aktis.remote
class Reader:
    def read(self, name: str) -> str | None:
        return os.environ.get(name)

    def read_in_child(self, name: str) -> str | None:
        return aktis.get(variable.remote(name))
