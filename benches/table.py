"""Shows figures as text: the machine's ceilings, the engines side by side, the goals.

Owns layout and rounding. Does not own the comparison itself: `goals` judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.catalog import MEASURES
from benches.goals import RayFigures, Rivals, Verdict, judge, times_better

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benches.figures import Failure, Figure

MACHINE = "machine"
RAY = "ray"
SMALL, LARGE = 10, 1_000
MARKS = {True: "met", False: "MISSED", None: "not judged"}


def report(figures: Sequence[Figure], failures: Sequence[Failure]) -> Iterator[str]:
    """Yields the lines of the whole report."""
    if not figures:
        yield "no row gave a figure"
    else:
        yield from _heading(figures[0])
        yield from _ceilings([figure for figure in figures if figure.engine == MACHINE])
        yield from _engines(figures)
        yield from _notes(figures)
    for failure in failures:
        yield ""
        yield f"FAILED {failure.row}, {failure.engine}, round {failure.round}: {failure.reason}"
        yield from (f"    {line}" for line in failure.stderr_tail.splitlines())


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields rows with their columns aligned, the first one underlined."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def number_text(value: float) -> str:
    """Returns a figure with about three digits that count."""
    if abs(value) >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= SMALL else f"{value:.3g}"


def figure_text(figure: Figure) -> str:
    """Returns the median and, in brackets, the least and the greatest sample."""
    least, greatest = min(figure.samples), max(figure.samples)
    return f"{number_text(figure.median)} [{number_text(least)}, {number_text(greatest)}]"


def _heading(figure: Figure) -> Iterator[str]:
    machine = figure.machine
    memory_gigabytes = int(machine["memory_bytes"]) / 1e9
    yield (
        f"{machine['cores']} cores, {machine['cpu']}, {memory_gigabytes:.0f} GB, "
        f"Linux {machine['kernel']}, Python {machine['python']}, commit {figure.commit}"
    )
    yield "median [least, greatest sample]; a ratio above 1 is in favor of the first engine"


def _ceilings(figures: Sequence[Figure]) -> Iterator[str]:
    yield ""
    rows = [["ceiling of the machine", "unit", "figure"]]
    rows += [[figure.measure, figure.unit, figure_text(figure)] for figure in figures]
    yield from aligned(rows)


def _engines(figures: Sequence[Figure]) -> Iterator[str]:
    by_key = {(figure.measure, figure.engine): figure for figure in figures}
    ceilings = {figure.measure: figure.median for figure in figures if figure.engine == MACHINE}
    versions = {
        figure.engine: figure.engine_version for figure in figures if figure.engine != MACHINE
    }
    # Ray is the yardstick, so it stands last whatever the order of the run.
    engines = sorted(versions, key=lambda engine: engine == RAY)
    names = dict.fromkeys(figure.measure for figure in figures if figure.engine != MACHINE)
    if not names:
        return
    rows = [["measure", "unit", *(f"{e} {versions[e]}" for e in engines), "ratio", "goals"]]
    for name in names:
        found = [by_key.get((name, engine)) for engine in engines]
        verdicts = _verdicts(found[0], by_key.get((name, RAY)), ceilings)
        rows.append(
            [
                name,
                MEASURES[name].unit,
                *(figure_text(figure) if figure else "failed" for figure in found),
                _ratio(found[0], found[-1]),
                "; ".join(f"{verdict.text} {MARKS[verdict.met]}" for verdict in verdicts),
            ]
        )
    yield ""
    yield from aligned(rows)


def _ratio(subject: Figure | None, rival: Figure | None) -> str:
    if subject is None or rival is None or subject is rival:
        return "-"
    return f"{number_text(times_better(subject.median, rival.median, subject.better))}x"


def _verdicts(
    subject: Figure | None, ray: Figure | None, ceilings: dict[str, float]
) -> list[Verdict]:
    if subject is None or subject.engine == RAY:
        return []
    rivals = Rivals(RayFigures(ray.median, ray.best) if ray else None, ceilings)
    return [
        judge(goal, subject.median, subject.better, rivals)
        for goal in MEASURES[subject.measure].goals
    ]


def _notes(figures: Sequence[Figure]) -> Iterator[str]:
    notes = [f"{f.measure}, {f.engine}: {f.note}" for f in figures if f.note]
    if notes:
        yield ""
        yield from notes
