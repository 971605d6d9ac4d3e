"""Values as words: Grafana's units, thresholds and colours for a terminal."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "dark-red": "#c4162a",
    "blue": "#5794f2",
}
"""Grafana's names of colours, as it draws them."""

SUFFIXES = {
    "masskg": " kg",
    "lengthkm": " km",
    "velocitykmh": " km/h",
    "velocityknot": " kn",
    "accMS2": " m/s²",
    "conμgm3": " µg/m³",
    "degree": "°",
    "ops": "/s",
    "ms": " ms",
}
"""What follows a number of one of Grafana's units; units that scale are below."""

_TIMES = ((86_400, "d"), (3600, "h"), (60, "min"))
_BIG = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
SURELY_READABLE = 0.5
"""Luminance from which black is read better than white."""


def words(value: Any, unit: str = "short") -> str:
    """Return a value as a person reads it; no value is a dash."""
    match value:
        case None:
            told = "–"
        case bool():
            told = "yes" if value else "no"
        case datetime():
            told = value.strftime("%Y-%m-%d %H:%M")
        case date():
            told = value.isoformat()
        case int() | float() | Decimal():
            told = _number(float(value) if isinstance(value, Decimal) else value, unit)
        case dict():
            told = " ".join(f"{key}={item}" for key, item in value.items())
        case list() | tuple():
            told = ", ".join(words(item) for item in value)
        case _:
            told = " ".join(str(value).split())
    return told


def _number(value: float, unit: str) -> str:
    match unit:
        case "percentunit":
            return f"{value * 100:.3g} %" if abs(value) < 1 else f"{value * 100:.0f} %"
        case "s":
            return duration(value)
        case "watth":
            for factor, letter in _BIG:
                if abs(value) >= factor:
                    return f"{value / factor:.3g} {letter}Wh"
            return f"{plain(value)} Wh"
        case _:
            return plain(value) + SUFFIXES.get(unit, "")


def plain(value: float) -> str:
    """Return a number with separators; of a fraction, what matters."""
    if math.isnan(value):
        return "–"
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a time span in its two largest units."""
    whole = int(abs(seconds))
    sign = "-" if seconds < 0 else ""
    for number, (size, name) in enumerate(_TIMES):
        if whole >= size:
            rest = whole % size
            smaller, letter = _TIMES[number + 1] if number + 1 < len(_TIMES) else (1, "s")
            small = f" {rest // smaller} {letter}" if rest // smaller else ""
            return f"{sign}{whole // size} {name}{small}"
    return f"{sign}{abs(seconds):.3g} s"


def colour(value: Any, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the colour of the highest step that a value reaches, as `#rrggbb`; empty without one."""
    chosen = ""
    number = float(value) if isinstance(value, int | float | Decimal) else None
    for step in steps:
        bound = step.get("value")
        if bound is None or (number is not None and number >= bound):
            chosen = step["color"]
    return COLOURS.get(chosen, chosen)


def on(background: str) -> str:
    """Return the style of words on a colour: black or white, whichever is read better."""
    red, green, blue = (int(background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return f"{'black' if light >= SURELY_READABLE else 'white'} on {background}"
