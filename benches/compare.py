"""Compares two result files: `python -m benches.compare before.jsonl after.jsonl`.

Owns the question whether two figures differ. Says so only where their intervals part.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benches.figures import Figure, read
from benches.goals import times_better
from benches.table import aligned, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS_TO_TRUST = 3


def main() -> None:
    """Prints one line for each measure that both files hold."""
    parser = argparse.ArgumentParser(prog="python -m benches.compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    files = parser.parse_args()
    sys.stdout.write("".join(f"{line}\n" for line in compared(files.before, files.after)))


def compared(before_path: Path, after_path: Path) -> Iterator[str]:
    """Yields the lines of the table, then what stands in one file only."""
    before = {(figure.measure, figure.engine): figure for figure in read(before_path)}
    after = {(figure.measure, figure.engine): figure for figure in read(after_path)}
    rows = [["measure", "engine", "unit", "before", "after", "change"]]
    for key in (key for key in before if key in after):
        old, new = before[key], after[key]
        change = verdict(old, new)
        rows.append([new.measure, new.engine, new.unit, _interval(old), _interval(new), change])
    yield "median [least, greatest median of a round]"
    yield from aligned(rows)
    for path, here, there in ((before_path, before, after), (after_path, after, before)):
        if alone := [f"{measure} ({engine})" for measure, engine in here.keys() - there.keys()]:
            yield f"only in {path}: {', '.join(sorted(alone))}"


def verdict(before: Figure, after: Figure) -> str:
    """Says how far `after` moved, or that the two cannot be told apart."""
    if before.machine != after.machine:
        return "not compared: different machines"
    if before.settings != after.settings:
        return "not compared: different settings"
    if min(len(before.rounds), len(after.rounds)) < ROUNDS_TO_TRUST:
        return f"not compared: fewer than {ROUNDS_TO_TRUST} rounds"
    (old_low, old_high), (new_low, new_high) = before.interval, after.interval
    if new_low <= old_high and old_low <= new_high:
        return "no difference"
    factor = times_better(after.median, before.median, after.better)
    return f"{factor:.2f}x better" if factor > 1 else f"{1 / factor:.2f}x worse"


def _interval(figure: Figure) -> str:
    low, high = figure.interval
    return f"{number_text(figure.median)} [{number_text(low)}, {number_text(high)}]"


if __name__ == "__main__":
    main()
