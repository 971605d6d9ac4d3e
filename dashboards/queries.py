"""SQL targets of panels, and Grafana's ClickHouse macros expanded as its plug-in does.

A query is text with macros (`$__timeFilter(column)` …) and template variables; `expand` replaces them for one
time range, so that the very text of a panel can be run against ClickHouse without Grafana.
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
    """One query of a panel, in the form of the ClickHouse plug-in 4."""

    sql: str
    shape: Shape
    ref_id: str = "A"

    def to_json(self) -> dict[str, Any]:
        """Return the target as Grafana stores it."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
            "editorType": "sql",
            "queryType": self.shape,
            "format": _FORMATS[self.shape],
            "rawSql": self.sql,
        }


class Target(cog_builder.Builder[variants.Dataquery]):
    """Builder around a target, as the SDK's panels want one."""

    def __init__(self, sql: str, shape: Shape) -> None:
        self._target = ClickHouseTarget(" ".join(sql.split()), shape)

    def build(self) -> variants.Dataquery:
        """Return the target."""
        return self._target


def table_of(topic: Topic, *, final: bool = True) -> str:
    """Return the FROM text of a topic's table: facts (FINAL), or records, which is faster and has repeats in it.

    Counts and sums are of facts. What is highest, newest or distinct is the same in both: a repeat tells nothing new.
    """
    return f"{DATABASE}.{topic.table}" + (" FINAL" if final else "")


_CALL = re.compile(r"\$__(\w+)\(")


def expand(sql: str, start: datetime, end: datetime, interval_s: int = 3600) -> str:
    """Replace macros and variables as Grafana would, with every variable at «All».

    Raises:
        ValueError: the text uses a macro that is not known here.
    """
    while match := _CALL.search(sql):
        close = _closing(sql, match.end())
        inner = sql[match.end() : close]
        sql = sql[: match.start()] + _macro(match[1], inner, start, end, interval_s) + sql[close + 1 :]
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
