"""The ways to start a program written for Ray on aktis: around a script, a module, or tests.

Owns the command line. Does not own what `import ray` gives then (`test_as_ray.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import sys
import ray
import beside

@ray.remote
def double(number):
    import ray.util
    return beside.twice(number)

if __name__ == "__main__":
    print(ray.get(double.remote(21)), sys.argv[1:], ray.__version__)
    sys.exit(3)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program written for Ray, in a folder of its own, with a module beside it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "beside.py").write_text("def twice(number):\n    return 2 * number\n")
    script = folder / "program_of_user.py"
    script.write_text(PROGRAM)
    return script


def start(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python in a directory, to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_script_runs_as_if_it_had_been_started_itself(program: Path, tmp_path: Path) -> None:
    ended = start("-m", "aktis.as_ray", str(program), "-m", "--flag", directory=tmp_path)

    assert ended.stderr == ""
    assert ended.stdout == "42 ['-m', '--flag'] 2.60.0\n"
    assert ended.returncode == 3


def test_a_module_runs_as_if_it_had_been_started_itself(program: Path) -> None:
    ended = start("-m", "aktis.as_ray", "-m", program.stem, "one", directory=program.parent)

    assert ended.stderr == ""
    assert ended.stdout == "42 ['one'] 2.60.0\n"
    assert ended.returncode == 3


def test_an_error_of_the_script_is_shown_with_its_traceback(tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text("import ray\nray.get(3)\n")

    ended = start("-m", "aktis.as_ray", str(script), directory=tmp_path)

    assert ended.returncode == 1
    assert f'File "{script}", line 2' in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--nonsense"]])
def test_wrong_use_prints_how_it_is_used(arguments: list[str], tmp_path: Path) -> None:
    ended = start("-m", "aktis.as_ray", *arguments, directory=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: python -m aktis.as_ray script.py")


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = start("-m", "aktis.as_ray", "absent.py", directory=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr == "python -m aktis.as_ray: there is no file 'absent.py'\n"


def test_help_and_the_report_go_to_standard_output(tmp_path: Path) -> None:
    told = start("-m", "aktis.as_ray", "--help", directory=tmp_path)
    report = start("-m", "aktis.as_ray", "--report", directory=tmp_path)

    assert told.stdout.startswith("usage: ")
    assert report.stdout.startswith("aktis has ")
    assert told.returncode == report.returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "pytest", "-p", "aktis.as_ray"],
        ["-m", "aktis.as_ray", "-m", "pytest"],
    ],
    ids=["as a plugin", "around pytest"],
)
def test_tests_written_for_ray_run(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import ray\n")
    (tmp_path / "test_of_user.py").write_text(
        "import ray\n\n@ray.remote\ndef one():\n    import ray.util\n    return 1\n\n"
        "def test_one():\n    assert ray.get(one.remote()) == 1\n"
    )

    ended = start(*command, "-q", "-p", "no:cacheprovider", "-W", "error", directory=tmp_path)

    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 0
