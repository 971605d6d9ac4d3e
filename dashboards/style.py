"""Colours, thresholds and the names of the data source and folder, shared by all boards."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

DATASOURCE_UID = "city-clickhouse"
DATASOURCE_TYPE = "grafana-clickhouse-datasource"
FOLDER_UID = "city"
FOLDER_TITLE = "City"

US_AQI_COLOURS = (
    (0, "#00E400"),
    (51, "#FFFF00"),
    (101, "#FF7E00"),
    (151, "#FF0000"),
    (201, "#8F3F97"),
    (301, "#7E0023"),
)
"""Lower bound of each US AQI category and its colour (EPA-454/B-24-002)."""

CAI_COLOURS = ((0, "#32A1FF"), (51, "#00C73C"), (101, "#FDB32B"), (251, "#F93F3E"))
"""Lower bound of each Korean CAI category and its colour: blue, green, yellow, red."""

AGE_COLOURS = ((0, "green"), (300, "orange"), (3600, "red"))
"""Colours by age of the newest data in seconds."""

NOW_WITHIN = 3
"""Intervals after whose end a source is silent; until then its newest interval is "now"."""

INTERVAL_COLOURS = ((0, "green"), (2, "orange"), (NOW_WITHIN, "red"))
"""Colours by age of the newest data in intervals of that data."""

ANY_IS_MARKED = ((0, "green"), (0.000001, "orange"))
"""Colours of shares that are marked unless they are zero."""

ZERO_IS_GOOD = ((0, "green"), (1, "red"))
"""Colours of counts that should be zero."""

NO_REPORT = "no report"
"""Text of a figure of the platform that nobody reports. It is red: silence is never well."""
NO_DATA = "no data"
"""Text of a value that no event has; without a colour."""
Words = Mapping[float | None, tuple[str, str]]
"""Values of a panel → text and colour in their place; None is null."""


def ages_of(interval_s: float) -> tuple[tuple[float, str], ...]:
    """Return colours by age in seconds of data that comes once in an interval, as of `INTERVAL_COLOURS`."""
    return tuple((bound * interval_s, colour) for bound, colour in INTERVAL_COLOURS)


def thresholds(steps: tuple[tuple[float, str], ...]) -> build.ThresholdsConfig:
    """Return colour steps as Grafana thresholds. The first step has no lower bound."""
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps(
            [
                model.Threshold(value=None if number == 0 else bound, color=colour)
                for number, (bound, colour) in enumerate(steps)
            ]
        )
    )


def mappings(words: Words) -> list[model.ValueMapping]:
    """Return words for values as Grafana value mappings."""
    named = {
        f"{value:g}": model.ValueMappingResult(text=text, color=colour or None, index=number)
        for number, (value, (text, colour)) in enumerate(words.items())
        if value is not None
    }
    made: list[model.ValueMapping] = [model.ValueMap(named)] if named else []
    if None in words:
        text, colour = words[None]
        result = model.ValueMappingResult(text=text, color=colour or None, index=len(named))
        made.append(
            model.SpecialValueMap(
                model.DashboardSpecialValueMapOptions(
                    match=model.SpecialValueMatch.NULL_AND_NAN, result=result
                )
            )
        )
    return made
