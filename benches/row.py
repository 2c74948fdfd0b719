"""Tries one row with one engine in this process: `python -m benches.row task_sync`.

Owns the process that a trial has to itself. Leaves the engine's processes behind when it ends, for
whoever started it to end: an engine that is slow to stop must not be counted as a failed row.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from benches.catalog import MEASURES, ROWS
from benches.figures import Figure, commit, machine
from benches.processes import adopt_orphans, end_descendants
from benches.trial import CPUS, Effort, Row, Trial


def main() -> None:
    """Prints one line of JSON for each measure, or writes them to a file."""
    parser = argparse.ArgumentParser(prog="python -m benches.row", description=__doc__)
    parser.add_argument("row", choices=ROWS)
    parser.add_argument("--engine", default="aktis", help="name of the module to import")
    parser.add_argument("--quick", action="store_true", help="show only that the row works")
    parser.add_argument("--output", type=Path, help="file for the lines, instead of stdout")
    chosen = parser.parse_args()
    if not chosen.output:
        adopt_orphans()
    row = ROWS[chosen.row]
    effort = Effort.quick() if chosen.quick else Effort.full()
    lines = "".join(f"{figure.to_json()}\n" for figure in _try(row, chosen.engine, effort))
    if chosen.output:
        chosen.output.write_text(lines)
    else:
        sys.stdout.write(lines)
        end_descendants()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _try(row: Row, engine: str, effort: Effort) -> list[Figure]:
    trial = Trial(engine if row.needs_engine else "machine", effort)
    if row.runs_libraries and engine == "aktis":
        # From here on the libraries, which import ray, get aktis.
        importlib.import_module("aktis.as_ray")
    row.run(trial)
    version = importlib.import_module(engine).__version__ if row.needs_engine else ""
    place, revision = machine(), commit()
    settings: dict[str, str | int | float] = {
        "cpus": CPUS,
        "windows": effort.windows,
        "window_s": effort.window_s,
    }
    return [
        Figure(
            measure=name,
            unit=MEASURES[name].unit,
            better=MEASURES[name].better,
            engine=trial.engine_name,
            engine_version=version,
            machine=place,
            commit=revision,
            settings=settings,
            rounds=(tuple(samples),),
            note=trial.notes.get(name, ""),
        )
        for name, samples in trial.samples.items()
    ]


if __name__ == "__main__":
    main()
