"""What a row against limits came to: as lines for a reader, as JSON, and as the cells of its table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.bench.figures import Spread
    from tests.bench.limits import LimitOutcome, Quantity


def limit_lines(outcome: LimitOutcome) -> Iterable[str]:
    """Tell an outcome in words: each quantity with its spread, its limit, and whether that is kept."""
    row = outcome.row
    yield f"{row.name}: {row.what}; {outcome.events:,} events, {len(outcome.found)} rounds"
    if outcome.reason is not None:
        yield f"  not run: {outcome.reason}"
    for quantity, spread in outcome.spreads():
        limit = f"; limit {limit_words(quantity)}: {met_words(quantity, spread)}" if quantity.limited else ""
        yield f"  {quantity.name}: {spread_words(spread)} {quantity.unit}{limit}"


def limits_as_json(outcome: LimitOutcome) -> dict[str, Any]:
    """Give every figure of every round."""
    return {
        "what": outcome.row.what,
        "events": outcome.events,
        "rounds": [[asdict(each) for each in found] for found in outcome.found],
        "not run": outcome.reason,
    }


def limit_cells(outcome: LimitOutcome) -> Iterable[tuple[str, str, str, str, str]]:
    """Give the first cells of an outcome's lines: row, quantity, figures, limit, met."""
    name = outcome.row.name
    if outcome.reason is not None:
        yield name, "", f"not run: {outcome.reason}", "", ""
    for quantity, spread in outcome.spreads():
        told = f"{spread_words(spread)} {quantity.unit}"
        yield name, quantity.name, told, limit_words(quantity), met_words(quantity, spread)


def spread_words(spread: Spread) -> str:
    """Write a spread, median first; of a single round there is none."""
    if spread.low == spread.high:
        return figure(spread.median)
    return f"{figure(spread.median)} ({figure(spread.low)} to {figure(spread.high)})"


def limit_words(quantity: Quantity) -> str:
    """Write a quantity's limits."""
    told = []
    if quantity.least is not None:
        told.append(f"≥ {quantity.least:,g} {quantity.unit}")
    if quantity.most is not None:
        told.append(f"≤ {quantity.most:,g} {quantity.unit}")
    return ", ".join(told) or "none"


def met_words(quantity: Quantity, spread: Spread) -> str:
    """Tell whether a limit is kept: in every round, by the median only, or not."""
    if not quantity.limited:
        return ""
    if not quantity.met(spread.median):
        return "missed"
    always = quantity.met(spread.low) and quantity.met(spread.high)
    return "met" if always else "met by the median, not in every round"


def figure(value: float) -> str:
    """Write a figure with as many digits as it is good for."""
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 or not size else 4
    return f"{value:,.{digits}f}"
