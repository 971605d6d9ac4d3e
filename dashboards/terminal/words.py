"""Formats values as text, with Grafana's units, thresholds and colours."""

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
    "text": "",  # no colour
}
"""Grafana's named colours."""

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
"""Suffix of a number by Grafana's unit. `_number` has the units that scale."""

_TIMES = ((86_400, "d"), (3600, "h"), (60, "min"))
_BIG = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
SURELY_READABLE = 0.5
"""Luminance above which black text is more readable than white."""


def words(value: Any, unit: str = "short") -> str:
    """Return a value as text for people. Null is a dash.

    Args:
        value: Any value of a query's result.
        unit: Grafana's unit of a number.
    """
    match value:
        case None:
            text = "–"
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = value.strftime("%Y-%m-%d %H:%M")
        case date():
            text = value.isoformat()
        case int() | float() | Decimal():
            text = _number(float(value) if isinstance(value, Decimal) else value, unit)
        case dict():
            text = " ".join(f"{key}={item}" for key, item in value.items())
        case list() | tuple():
            text = ", ".join(words(item) for item in value)
        case _:
            text = " ".join(str(value).split())
    return text


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
    """Return a number with thousands separators, and fractions with four significant digits."""
    if math.isnan(value):
        return "–"
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
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
    """Return the colour of the highest step that a value reaches, as `#rrggbb`. Empty if it reaches none.

    Args:
        value: A number. Other values get the colour of the step without a bound.
        steps: Thresholds in Grafana's JSON form, in ascending order.
    """
    chosen = ""
    number = float(value) if isinstance(value, int | float | Decimal) else None
    for step in steps:
        bound = step.get("value")
        if bound is None or (number is not None and number >= bound):
            chosen = step["color"]
    return COLOURS.get(chosen, chosen)


def mapped(value: Any, mappings: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return the text and the colour that a panel's value mappings give a value; None if they give none.

    Args:
        value: A number or null.
        mappings: Value mappings in Grafana's JSON form.
    """
    for each in mappings:
        options = each["options"]
        if each["type"] == "special":
            found = options["result"] if value is None and "null" in options["match"] else None
        else:
            found = options.get(f"{float(value):g}") if isinstance(value, int | float) else None
        if found:
            shade = found.get("color", "")
            return found["text"], COLOURS.get(shade, shade)
    return None


def on(background: str) -> str:
    """Return the style of text on a colour: black or white, whichever is more readable.

    Args:
        background: The colour, `#rrggbb`.
    """
    red, green, blue = (int(background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return f"{'black' if light >= SURELY_READABLE else 'white'} on {background}"
