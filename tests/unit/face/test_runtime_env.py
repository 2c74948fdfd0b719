"""Runtime environments: fields, canonical form, inheritance, and what a job adds.

Owns the rules; that processes see the variables is tested in `tests/conformance`.
"""

from __future__ import annotations

import pytest

from aktis.runtime_env import RuntimeEnv, RuntimeEnvConfig, inherited, of_job


def test_equal_environments_have_one_form_and_the_empty_one_has_none() -> None:
    first = RuntimeEnv(env_vars={"B": "2", "A": "1"}, config={"eager_install": False})
    second = RuntimeEnv(env_vars={"A": "1", "B": "2"})

    assert first.serialize() == second.serialize() == '{"env_vars":{"A":"1","B":"2"}}'
    assert RuntimeEnv().serialize() == RuntimeEnv(env_vars={}).serialize() == ""
    assert RuntimeEnv.deserialize(second.serialize()) == second


def test_what_this_version_lacks_is_named_and_what_nobody_has_is_refused() -> None:
    with pytest.raises(NotImplementedError, match=r"'pip'.*README"):
        RuntimeEnv(pip=["numpy"])
    with pytest.raises(ValueError, match="'colour'"):
        RuntimeEnv(colour="blue")
    with pytest.raises(ValueError, match="conda and pip exclude"):
        RuntimeEnv(pip=["numpy"], conda="other")
    assert RuntimeEnv(pip=None) == {}


@pytest.mark.parametrize("wrong", ["text", {"A": 1}, {1: "a"}, ["A"]], ids=repr)
def test_variables_map_strings_to_strings(wrong: object) -> None:
    with pytest.raises(TypeError):
        RuntimeEnv(env_vars=wrong)  # type: ignore[arg-type]


def test_the_config_is_checked() -> None:
    assert RuntimeEnvConfig()["setup_timeout_seconds"] == 600
    with pytest.raises(ValueError, match="-1"):
        RuntimeEnv(config={"setup_timeout_seconds": 0})


def test_variables_of_the_child_win_and_others_of_the_parent_stay() -> None:
    parent = RuntimeEnv(env_vars={"A": "parent", "B": "parent"}).serialize()
    child = RuntimeEnv(env_vars={"B": "child", "C": "child"}).serialize()

    merged = RuntimeEnv.deserialize(inherited(parent, child))

    assert merged == {"env_vars": {"A": "parent", "B": "child", "C": "child"}}
    assert inherited(parent, "") == inherited("", parent) == parent


def test_capture_by_a_group_travels_along_and_ends_where_it_is_not_repeated() -> None:
    captured = inherited("", "", captures=True)

    assert captured == '{"capture_child_tasks":true}'
    assert inherited(captured, "", captures=True) == captured
    assert inherited(captured, "") == ""
    assert RuntimeEnv.deserialize(captured) == {}


def test_references_to_variables_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/here")

    assert RuntimeEnv(env_vars={"P": "${HERE}/x:${NOT_THERE}"}).expanded() == {
        "env_vars": {"P": "/here/x:"}
    }


def test_a_job_and_init_must_not_set_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted, given = {"env_vars": {"A": "1", "B": "1"}}, {"env_vars": {"B": "2"}}

    with pytest.raises(ValueError, match="sets B"):
        of_job(submitted, given)
    monkeypatch.setenv("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    assert of_job(submitted, given) == {"env_vars": {"A": "1", "B": "2"}}
