"""The report of a run: counts, equations, verdict, latencies, as one JSON document (docs/commands.md#report).

Pure: it takes counts and returns the equations that do not hold, with their numbers.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.reconcile.count import latency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from infra.reconcile.count import TopicCount
    from infra.reconcile.count_ledger import LogCount
    from schemas.catalog import Catalog


def equations(
    counts: Mapping[str, TopicCount], catalog: Catalog, explained: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Return one line for each equation of docs/counts.md#equations that does not hold.

    Args:
        counts: The counts of each topic.
        catalog: The catalogue.
        explained: By topic, one line for each event without a row that a dead letter accounts for.
    """
    problems = []
    for name, c in counts.items():
        topic = catalog.topics[name]
        if topic.archived and c.records != c.archived:
            problems.append(f"{name}: records {c.records} ≠ archived {c.archived}")
        if topic.sealed and c.records != c.sealed:
            problems.append(f"{name}: records {c.records} ≠ sealed {c.sealed}")
        if c.records != c.events + c.repeats + c.undecodable:
            problems.append(
                f"{name}: records {c.records} ≠ events {c.events} + repeats {c.repeats} "
                f"+ undecodable {c.undecodable}"
            )
        refused = len((explained or {}).get(name, ()))
        if c.rows is None or c.rows + refused != c.events:
            more = f" + refused {refused}" if refused else ""
            problems.append(f"{name}: rows {c.rows}{more} ≠ events {c.events}")
    return problems


def unaccounted(inputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line for each recording that has a record or a byte that belongs nowhere."""
    problems = []
    for i in inputs:
        if i["format"] is not None and i["read"] != i["accepted"] + i["refused"]:
            problems.append(
                f"{i['path']}: read {i['read']} ≠ accepted {i['accepted']} + refused {i['refused']}"
            )
        found = i["bytes"]
        # What is not replayed to its end has a reason.
        if found and i["reason"] is None and found["source"] != sum(found.values()) - found["source"]:
            problems.append(
                f"{i['path']}: {found['source']} bytes ≠ accepted {found['accepted']} + refused {found['refused']} "
                f"+ skipped {found['skipped']}"
            )
    return problems


def build(
    *,
    catalog: Catalog,
    inputs: Mapping[str, Mapping[str, Any]],
    counts: Mapping[str, TopicCount],
    city_log: Mapping[str, object],
    logs: Sequence[LogCount],
    to_row_ms: Mapping[str, float | None],
    audit_problems: Sequence[str],
    seconds: float,
    explained: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return the report; its verdict is `pass` only if every equation and the audit hold.

    Args:
        catalog: The catalogue.
        inputs: The replay's report of each recording, by path.
        counts: The counts of each topic.
        city_log: Size, root and blocks of the city log.
        logs: Every log.
        to_row_ms: p50 and p99 from record to row.
        audit_problems: What the audit found.
        seconds: Duration of the run.
        explained: By topic, one line for each event without a row that a dead letter accounts for.
    """
    problems = [
        *equations(counts, catalog, explained),
        *unaccounted([{"path": path, **values} for path, values in inputs.items()]),
        *audit_problems,
    ]
    records = sum(c.records for c in counts.values())
    return {
        "inputs": {path: dict(values) for path, values in inputs.items()},
        "topics": {
            name: {
                "domain": catalog.topics[name].domain,
                "kind": catalog.topics[name].kind,
                **asdict(c),
            }
            for name, c in sorted(counts.items())
        },
        "logs": {log.origin: {"size": log.size, "root": log.root} for log in logs},
        "city_log": dict(city_log),
        "audit": {"verdict": "fail" if problems else "pass", "problems": problems},
        "explained": [line for lines in (explained or {}).values() for line in lines],
        "latency_ms": {
            "to_row": dict(to_row_ms),
            "to_seal": latency([ms for log in logs for ms in log.seal_ms]),
        },
        "seconds": round(seconds, 3),
        "events_per_second": round(records / seconds, 1) if seconds else 0.0,
    }
