"""The engine's descriptions as plain Python values: amounts, spans, places and conditions.

A struct of the engine is a dict; a choice is its name, or a dict of its name and its content. Owns
how parts of such values are written and read. Does not own whole ones (`aktis._kernel.submit`,
`aktis._kernel.queries`), nor which there are (Rust).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aktis._kernel.session import Session

# Label, allowed values (None: it need only be there), and whether the condition must not hold.
Rule: TypeAlias = tuple[str, list[str] | None, bool]

# The engine counts resources in units of a ten-thousandth.
UNITS_PER_WHOLE = 10_000
NANOSECONDS_PER_SECOND = 1_000_000_000
# The engine counts no repetitions beyond this.
COUNT_MAX = 0xFFFF_FFFF

GROUP_STRATEGIES = {
    "PACK": "Pack",
    "SPREAD": "Spread",
    "STRICT_PACK": "StrictPack",
    "STRICT_SPREAD": "StrictSpread",
}


def kind(choice: str | Mapping[str, Any]) -> str:
    """Which choice it is."""
    return choice if isinstance(choice, str) else next(iter(choice))


def content(choice: Mapping[str, Any]) -> Any:
    """What the choice holds."""
    return next(iter(choice.values()))


def units(amounts: Mapping[str, float]) -> dict[str, int]:
    """Amounts as the engine counts them; it keeps no zero."""
    counted = {name: int(amount * UNITS_PER_WHOLE + 0.5) for name, amount in amounts.items()}
    return {name: count for name, count in counted.items() if count}


def amounts(counted: Mapping[str, int]) -> dict[str, float]:
    """Amounts that the engine counted."""
    return {name: count / UNITS_PER_WHOLE for name, count in counted.items()}


def span(seconds: float | None) -> dict[str, int] | None:
    """A span of time, if there is one."""
    if seconds is None:
        return None
    whole, rest = divmod(round(seconds * NANOSECONDS_PER_SECOND), NANOSECONDS_PER_SECOND)
    return {"secs": whole, "nanos": rest}


def seconds(spanned: Mapping[str, int]) -> float:
    """How long a span of time is."""
    return spanned["secs"] + spanned["nanos"] / NANOSECONDS_PER_SECOND


def limit(count: int) -> int | None:
    """How often something may be repeated; None is without end."""
    return count if 0 <= count <= COUNT_MAX else None


def rules(conditions: Iterable[Rule]) -> list[dict[str, Any]]:
    """Conditions on labels."""
    return [
        {"label": label, "values": values, "negated": negated}
        for label, values, negated in conditions
    ]


def strategy(here: Session, chosen: tuple[Any, ...]) -> str | dict[str, Any]:
    """Where something may run.

    Raises:
        ValueError: there is no such strategy.
    """
    match chosen:
        case ("pack",):
            return "Pack"
        case ("spread",):
            return "Spread"
        case ("group", group, bundle):
            return {"Group": {"group": group, "bundle": bundle}}
        case ("node", node, soft):
            return {"Node": {"node": here.node_of(node), "soft": soft}}
        case ("labels", hard, soft):
            return {"Labels": (rules(hard), rules(soft))}
        case _:
            message = f"{chosen!r} is no strategy"
            raise ValueError(message)
