"""What a measure must reach, and whether it did.

Owns the kinds of goals and their verdicts. Does not own the figures: each row declares its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The median reaches a figure."""

    value: float


@dataclass(frozen=True, slots=True)
class AtMost:
    """The median stays within a figure."""

    value: float


@dataclass(frozen=True, slots=True)
class ShareOf:
    """The median reaches a share of what the machine allowed in the same run."""

    ceiling: str
    share: float


@dataclass(frozen=True, slots=True)
class TimesRay:
    """The median is so many times better than Ray's median of the same run."""

    factor: float


@dataclass(frozen=True, slots=True)
class RayBest:
    """The median is no worse than the best single sample of Ray in the same run."""


Goal = AtLeast | AtMost | ShareOf | TimesRay | RayBest


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal in words; `met` is None where the run holds nothing to compare with."""

    text: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class RayFigures:
    """Ray's figures for the same measure of the same run."""

    median: float
    best: float


def times_better(median: float, rival: float, better: Better) -> float:
    """Returns how many times better `median` is than `rival`: above 1 is better."""
    good, bad = (median, rival) if better == "higher" else (rival, median)
    return good / bad if bad else float("inf")


@dataclass(frozen=True, slots=True)
class Rivals:
    """What the same run holds to compare with."""

    ray: RayFigures | None
    ceilings: Mapping[str, float]


def judge(goal: Goal, median: float, better: Better, rivals: Rivals) -> Verdict:
    """Compares a median with one goal, by the figures of the same run."""
    ray = rivals.ray
    match goal:
        case AtLeast(value):
            return Verdict(f">= {value:,g}", median >= value)
        case AtMost(value):
            return Verdict(f"<= {value:,g}", median <= value)
        case ShareOf(ceiling, share):
            top = rivals.ceilings.get(ceiling)
            met = None if top is None else median >= share * top
            return Verdict(f">= {share:.0%} of {ceiling}", met)
        case TimesRay(factor):
            met = None if ray is None else times_better(median, ray.median, better) >= factor
            return Verdict(f"{factor:g}x Ray", met)
        case RayBest():
            met = None if ray is None else times_better(median, ray.best, better) >= 1
            return Verdict("Ray's best", met)
        case _:
            assert_never(goal)
