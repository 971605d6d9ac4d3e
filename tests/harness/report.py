"""The report of `city up --once`, judged by code of the tests' own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = ("events", "rows")


def totals(report: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return what must not depend on faults: events and rows of the topics of air quality."""
    return {
        name: tuple(topic[key] for key in KEPT)
        for name, topic in report["topics"].items()
        if topic["domain"] == "air_quality"
    }


def broken_equations(report: Mapping[str, Any]) -> list[str]:
    """Judge a report by docs/counts.md#equations, written anew here: the report judges itself, too."""
    broken = []
    explained = Counter(line.partition("/")[0] for line in report["explained"])
    for name, t in report["topics"].items():
        if name == "platform.metric":
            if t["archived"] is not None or t["sealed"] is not None:
                broken.append(f"{name} must neither be archived nor sealed")
        elif not t["records"] == t["archived"] == t["sealed"]:
            broken.append(f"{name}: records {t['records']} archived {t['archived']} sealed {t['sealed']}")
        if t["records"] != t["events"] + t["repeats"] + t["undecodable"]:
            broken.append(f"{name}: records do not add up: {t}")
        if t["rows"] + explained[name] != t["events"]:
            broken.append(f"{name}: rows {t['rows']} events {t['events']} explained {explained[name]}")
    return broken + broken_inputs(report)


def broken_inputs(report: Mapping[str, Any]) -> list[str]:
    """Return the recordings whose records or bytes do not add up."""
    broken = []
    for path, row in report["inputs"].items():
        if row["format"] is not None and row["read"] != row["accepted"] + row["refused"]:
            broken.append(f"{path}: {row}")
        found = row["bytes"]
        if found and found["source"] != found["accepted"] + found["refused"] + found["skipped"]:
            broken.append(f"{path}: {found}")
    return broken
