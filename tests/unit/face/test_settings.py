"""Settings: found under either name, parsed by their type, and refused with their name.

Owns reading; what a setting changes is tested where it is used.
"""

from __future__ import annotations

import pytest

from aktis import settings
from aktis.settings import Setting


def test_the_own_variable_comes_before_rays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.read(settings.NAMESPACE) == ""
    monkeypatch.setenv("RAY_NAMESPACE", "theirs")
    assert settings.read(settings.NAMESPACE) == "theirs"
    monkeypatch.setenv("AKTIS_NAMESPACE", "own")
    assert settings.read(settings.NAMESPACE) == "own"


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (settings.LOG_TO_DRIVER, "0", False),
        (settings.LOG_TO_DRIVER, "True", True),
        (settings.TASK_MAX_RETRIES, "7", 7),
        (settings.DEDUP_LOGS_AGG_WINDOW_S, "1.5", 1.5),
        (settings.RUNTIME_ENV, '{"env_vars": {}}', {"env_vars": {}}),
        (settings.CUDA_VISIBLE_DEVICES, "0,1", "0,1"),
    ],
)
def test_a_text_is_parsed_by_the_type_of_the_default(
    setting: Setting[object], text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting.twin, text)

    assert settings.read(setting) == value


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (settings.LOG_TO_DRIVER, "perhaps"),
        (settings.TASK_MAX_RETRIES, "few"),
        (settings.RUNTIME_ENV, "{"),
        (settings.RUNTIME_ENV, "[]"),
    ],
)
def test_a_text_of_another_type_is_refused_by_name(
    setting: Setting[object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting.variable, text)

    with pytest.raises(ValueError, match=setting.variable):
        settings.read(setting)


def test_settings_of_the_engine_are_numbers_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKTIS_ENGINE_POLL_US", "30")

    assert settings.engine_settings() == {"poll_us": 30}


def test_every_setting_has_a_sentence_and_names_of_its_own() -> None:
    names = [name for one in settings.TABLE for name in {one.variable, one.twin}]

    assert len(names) == len(set(names))
    assert all(one.sentence.endswith(".") for one in settings.TABLE)
