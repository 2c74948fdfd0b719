"""How much of Ray's public interface is here: counted, not written down.

Owns the report and its forms. Does not own the names (`aktis.as_ray.public_names`).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from aktis.as_ray import lookup
from aktis.as_ray.finder import public_names_of

LINE_LENGTH = 96


@dataclass(frozen=True, slots=True)
class Report:
    """Ray's public names by module: those that aktis has, and those that are missing.

    A library of which nothing is here is missing under its own name.
    """

    covered_by_module: dict[str, tuple[str, ...]]
    missing_by_module: dict[str, tuple[str, ...]]

    @property
    def covered(self) -> tuple[str, ...]:
        """The dotted names that resolve."""
        return _dotted(self.covered_by_module)

    @property
    def missing(self) -> tuple[str, ...]:
        """The dotted names that do not."""
        return _dotted(self.missing_by_module)

    def markdown(self) -> str:
        """The report as a table, one row for each module."""
        rows = ["| module of Ray | here | not yet |", "|---|---|---|"]
        for module in self.covered_by_module | self.missing_by_module:
            here = _code(self.covered_by_module.get(module, ()))
            absent = "all"
            if here:
                absent = _code(self.missing_by_module.get(module, ()))
            rows.append(f"| `{module}` | {here} | {absent} |")
        return "\n".join(rows) + "\n"

    def __str__(self) -> str:
        total = len(self.covered) + len(self.missing)
        parts = [f"aktis has {len(self.covered)} of {total} public names of Ray."]
        for title, table in (
            ("Here", self.covered_by_module),
            ("Not yet", self.missing_by_module),
        ):
            parts.append(f"\n{title}:")
            parts.extend(_paragraph(module, names) for module, names in table.items())
        return "\n".join(parts)


def counted() -> Report:
    """Looks every public name of Ray up, and tells which aktis has and which not."""
    covered: dict[str, tuple[str, ...]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for module, names in lookup.PUBLIC.items():
        found = public_names_of(module)
        if found:
            covered[module] = tuple(found)
        absent = tuple(name for name in names if name not in found)
        if absent or (not names and not lookup.has_counterpart(module)):
            missing[module] = absent
    return Report(covered, missing)


def _dotted(by_module: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        f"{module}.{name}" if name else module
        for module, names in by_module.items()
        for name in names or ("",)
    )


def _code(names: tuple[str, ...]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _paragraph(module: str, names: tuple[str, ...]) -> str:
    text = f"{module}: {' '.join(names)}" if names else module
    return textwrap.fill(text, LINE_LENGTH, initial_indent="  ", subsequent_indent="    ")
