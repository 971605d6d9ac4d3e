"""Makes the SQL targets of panels, and expands the macros of Grafana's ClickHouse plug-in.

A query is text with macros (`$__timeFilter(column)` …) and template variables. `expand` replaces them for one time
range, so that a panel's text runs against ClickHouse without Grafana.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grafana_foundation_sdk.cog import builder as cog_builder
from grafana_foundation_sdk.cog import variants

from dashboards.style import DATASOURCE_TYPE, DATASOURCE_UID
from schemas.names import DATABASE

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.catalog import Topic

Shape = Literal["timeseries", "table"]
_FORMATS = {"timeseries": 0, "table": 1}


@dataclass
class ClickHouseTarget(variants.Dataquery):
    """One query of a panel, in the form of the ClickHouse plug-in 4.

    Attributes:
        sql: The query, with macros.
        shape: How the plug-in reads the result.
        ref_id: Its name in the panel.
    """

    sql: str
    shape: Shape
    ref_id: str = "A"

    def to_json(self) -> dict[str, Any]:
        """Return the target in Grafana's stored form."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
            "editorType": "sql",
            "queryType": self.shape,
            "format": _FORMATS[self.shape],
            "rawSql": self.sql,
        }


class Target(cog_builder.Builder[variants.Dataquery]):
    """Builder of a target, as the SDK's panels take it.

    Args:
        sql: The query, with macros. Its white space is normalised.
        shape: How the plug-in reads the result.
    """

    def __init__(self, sql: str, shape: Shape) -> None:
        self._target = ClickHouseTarget(" ".join(sql.split()), shape)

    def build(self) -> variants.Dataquery:
        """Return the target."""
        return self._target


def table_of(topic: Topic, *, final: bool = True) -> str:
    """Return the FROM text of a topic's table.

    Counts and sums need `FINAL`. The highest, newest or distinct values are the same without it.

    Args:
        topic: The topic.
        final: Whether each event counts once (`FINAL`). Without it the query is faster, and repeats are included.
    """
    return f"{DATABASE}.{topic.table}" + (" FINAL" if final else "")


def seconds_of(duration: str) -> str:
    """Return the SQL of the seconds of an ISO 8601 duration of days, hours, minutes and seconds (`P1DT30M`).

    Args:
        duration: SQL of the duration, such as the name of a column.
    """
    parts = (("D", 86_400), ("H", 3_600), ("M", 60), ("S", 1))
    terms = (f"{seconds} * toUInt32OrZero(extract({duration}, '([0-9]+){sign}'))" for sign, seconds in parts)
    return f"({' + '.join(terms)})"


_CALL = re.compile(r"\$__(\w+)\(")


def expand(sql: str, start: datetime, end: datetime, interval_s: int = 3600) -> str:
    """Replace macros and variables as Grafana does, with every variable at «All».

    Args:
        sql: The query, with macros.
        start: Start of the time range.
        end: End of the time range.
        interval_s: Seconds of one interval of a chart.

    Raises:
        ValueError: The text uses an unknown macro.
    """
    while match := _CALL.search(sql):
        close = _closing(sql, match.end())
        inner = sql[match.end() : close]
        sql = sql[: match.start()] + _macro(match[1], inner, start, end, interval_s) + sql[close + 1 :]
    for name, moment in (("$__fromTime", start), ("$__toTime", end)):
        sql = sql.replace(name, f"toDateTime({moment.timestamp():.0f})")
    return sql.replace("$__interval_s", str(interval_s))


def _closing(text: str, at: int) -> int:
    depth = 1
    for index in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index
    raise ValueError(f"no closing bracket in {text[at - 20 :]!r}")


def _macro(name: str, inner: str, start: datetime, end: datetime, interval_s: int) -> str:
    first, last = start.timestamp(), end.timestamp()
    match name:
        case "timeFilter":
            return f"{inner} >= toDateTime({first:.0f}) AND {inner} <= toDateTime({last:.0f})"
        case "timeFilter_ms":
            low, high = int(first * 1000), int(last * 1000)
            return (
                f"{inner} >= fromUnixTimestamp64Milli({low}) AND {inner} <= fromUnixTimestamp64Milli({high})"
            )
        case "timeInterval":
            return f"toStartOfInterval(toDateTime({inner}), INTERVAL {interval_s} second)"
        case "timeInterval_ms":
            return f"toStartOfInterval(toDateTime64({inner}, 3), INTERVAL {interval_s * 1000} millisecond)"
        case "conditionalAll":
            return "1=1"
    raise ValueError(f"unknown macro $__{name}")
