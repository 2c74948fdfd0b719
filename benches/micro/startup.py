"""How long a program waits before its first result.

Owns the import and the first task. Does not own what stays running afterwards: `idle` does.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from benches.goals import AtMost, TimesRay
from benches.trial import Measure, Row, Trial

IMPORT_PROGRAM = """
from importlib import import_module
from sys import argv, stdout
from time import perf_counter
start = perf_counter()
import_module(argv[1])
stdout.write(str(perf_counter() - start))
"""


def import_engine(trial: Trial) -> None:
    """Imports the engine in fresh interpreters; the first only fills the page cache."""
    command = [sys.executable, "-c", IMPORT_PROGRAM, trial.engine_name]
    for attempt in range(trial.effort.windows + 1):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - own text
        if attempt:
            trial.record("import", float(done.stdout) * 1e3)


def first_result(trial: Trial) -> None:
    """Starts a cluster and waits for one task; importing the engine is not counted."""
    __import__(trial.engine_name)
    start = perf_counter()
    engine = trial.init()
    first = engine.remote(lambda: 1)
    engine.get(first.remote())
    trial.record("init_to_first_result", (perf_counter() - start) * 1e3)


ROWS = (
    Row(
        "import",
        import_engine,
        (Measure("import", "ms", "lower", "reading the modules it must have", (AtMost(100.0),)),),
    ),
    Row(
        "init_to_first_result",
        first_result,
        (
            Measure(
                "init_to_first_result",
                "ms",
                "lower",
                "two interpreter starts, one fork, three wake-ups",
                (AtMost(250.0), TimesRay(15.0)),
            ),
        ),
    ),
)
