"""The public surface is written down, and importing it is cheap.

`surface.txt` beside this file lists `aktis.__all__`, one name a line: a change is a visible diff.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import aktis

SURFACE = Path(__file__).with_name("surface.txt")
# A count, not a time: what an import costs follows from how much it loads, on any machine.
MODULES_MAX = 100
# Each costs more than the whole engine, and a program may never need it.
HEAVY = {
    "aktis.as_ray", "asyncio", "cloudpickle", "concurrent.futures", "email", "http",
    "multiprocessing", "numpy", "pandas", "psutil", "pyarrow", "ssl", "torch", "unittest",
    "urllib.request",
}  # fmt: skip
PROGRAM = """
import json, sys
before = set(sys.modules)
import aktis
loaded = sorted(set(sys.modules) - before)
public = {n: v for n, v in vars(aktis).items() if not n.startswith("_")}
print(json.dumps({
    "all": list(aktis.__all__),
    "visible": sorted(n for n, v in public.items() if not isinstance(v, type(sys))),
    "missing": sorted(n for n in aktis.__all__ if not hasattr(aktis, n)),
    "loaded": loaded,
}))
"""


@cache
def imported() -> dict[str, Any]:
    """What a fresh interpreter sees after `import aktis`."""
    answer: dict[str, Any] = json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM]))
    return answer


def test_all_is_what_is_written_down() -> None:
    assert sorted(imported()["all"]) == SURFACE.read_text().split()


def test_all_is_sorted_and_names_nothing_twice() -> None:
    names = imported()["all"]

    assert names == sorted(set(names))


def test_every_name_in_all_is_there() -> None:
    assert imported()["missing"] == []


def test_no_module_has_a_public_name() -> None:
    # To import a module sets its name in the package, whatever else had the name.
    modules = {module.name for module in pkgutil.iter_modules(aktis.__path__)}

    assert "connection" in modules
    assert not modules & set(imported()["all"])


def test_nothing_is_visible_besides() -> None:
    besides = set(imported()["visible"]) - set(imported()["all"]) - {"annotations"}

    assert not besides, f"{sorted(besides)}: export it, or give it a name with an underscore"


def test_import_loads_nothing_heavy() -> None:
    assert "aktis" in imported()["loaded"]
    assert not HEAVY & set(imported()["loaded"])


def test_import_loads_few_modules() -> None:
    loaded = imported()["loaded"]

    assert len(loaded) <= MODULES_MAX, f"{len(loaded)} modules: {' '.join(loaded)}"
