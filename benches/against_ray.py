"""The same rows with several engines, turn by turn in one run: `python -m benches.against_ray`.

Owns the order of trials, their processes and their deadlines. Does not own what a row does
(`micro`, `scale`), nor how figures are shown (`table`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benches import ray_side
from benches.catalog import ROWS, chosen
from benches.figures import ROOT, Failure, Figure, commit, joined, read
from benches.processes import adopt_orphans, end_descendants
from benches.table import report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.trial import Row

RESULTS = ROOT / "benches" / "results"
STDERR_TAIL_LINES = 15
MACHINE = "machine"


@dataclass(slots=True)
class Run:
    """Tries rows and collects what they gave."""

    interpreters: dict[str, Path]
    quick: bool
    figures: list[Figure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def try_all(self, rows: list[Row], rounds: int) -> None:
        """Tries each row in every round with every engine in turn, so that noise hits all alike."""
        for row in rows:
            engines = [*self.interpreters] if row.needs_engine else [MACHINE]
            for number in range(1, rounds + 1):
                for engine in engines:
                    sys.stderr.write(f"{row.name}, round {number} of {rounds}, {engine}: ")
                    sys.stderr.flush()
                    start = perf_counter()
                    outcome = self._try(row, engine, number)
                    sys.stderr.write(f"{outcome} after {perf_counter() - start:.1f} s\n")

    def _try(self, row: Row, engine: str, number: int) -> str:
        # A path short enough for the sockets that engines keep below it.
        scratch = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            reason = self._run_process(row, engine, scratch)
            if reason:
                tail = "\n".join(_last_lines(scratch / "stderr"))
                self.failures.append(Failure(row.name, engine, number, reason, tail))
                return reason
            self.figures.extend(read(scratch / "figures"))
            return "done"
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run_process(self, row: Row, engine: str, scratch: Path) -> str:
        interpreter = self.interpreters.get(engine, Path(sys.executable))
        command = [str(interpreter), "-m", "benches.row", row.name, "--engine", engine]
        command += ["--output", str(scratch / "figures"), *(["--quick"] if self.quick else [])]
        with (scratch / "stderr").open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                cwd=ROOT,
                env=_environment(engine, scratch),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                status = process.wait(row.timeout_s)
            except subprocess.TimeoutExpired:
                return f"no end within {row.timeout_s:g} s"
            finally:
                end_descendants()
        return "" if status == 0 else f"exit status {status}"


def main() -> None:
    """Runs the chosen rows, keeps their figures, prints the table; fails if a row failed."""
    options = _options()
    rows = _rows(options.rows)
    adopt_orphans()
    engines = options.engines.split(",")
    interpreters = {engine: Path(sys.executable) for engine in engines}
    if "ray" in interpreters:
        libraries = any(row.runs_libraries for row in rows)
        interpreters["ray"] = ray_side.interpreter(
            options.ray_venv, options.ray_requirement, with_libraries=libraries
        )
    run = Run(interpreters, options.quick)
    run.try_all(rows, options.rounds)
    figures = joined(run.figures)
    path = options.output or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{commit()}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [kept.to_json() for kept in figures] + [kept.to_json() for kept in run.failures]
    path.write_text("".join(f"{line}\n" for line in lines))
    sys.stdout.write("".join(f"{line}\n" for line in report(figures, run.failures)))
    sys.stdout.write(f"\nkept in {path}\n")
    sys.exit(1 if run.failures else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches.against_ray", description=__doc__)
    parser.add_argument(
        "--rows",
        default="",
        help=f"some of {','.join(ROWS)}, or libraries for all that begin with library_; else all "
        "but those that are optional: " + ",".join(r.name for r in ROWS.values() if r.optional),
    )
    parser.add_argument("--rounds", type=int, default=3, help="trials of each row and engine")
    parser.add_argument("--engines", default="aktis,ray", help="modules to import, in turn")
    parser.add_argument("--quick", action="store_true", help="show only that every row works")
    parser.add_argument("--ray-venv", type=Path, default=ray_side.ENVIRONMENT_PATH)
    parser.add_argument("--ray-requirement", default=ray_side.REQUIREMENT)
    parser.add_argument("--output", type=Path, help="file to keep the figures in")
    return parser.parse_args()


def _rows(names: str) -> list[Row]:
    try:
        rows = chosen(names)
    except ValueError as error:
        sys.exit(str(error))
    # Goals are shares of the ceilings of the same run, so these are always taken.
    ceilings = [row for row in ROWS.values() if not row.needs_engine]
    return ceilings + [row for row in rows if row not in ceilings]


def _environment(engine: str, scratch: Path) -> dict[str, str]:
    # Settings of the caller would otherwise reach one engine and not the other.
    kept = {name: value for name, value in os.environ.items() if not _is_of_engine(name)}
    if engine == "ray":
        kept |= ray_side.SETTINGS | {"RAY_TMPDIR": str(scratch)}
    return kept | {"TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}


def _is_of_engine(name: str) -> bool:
    return name.startswith(("RAY_", "AKTIS_", "PYTHON"))


def _last_lines(path: Path) -> Iterator[str]:
    yield from path.read_text(errors="replace").splitlines()[-STDERR_TAIL_LINES:]


if __name__ == "__main__":
    main()
