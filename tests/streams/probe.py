"""A domain made for tests: `probe.tick` → `probe.echo` (no state) and `probe.total` (out of state)."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from schemas.catalog import Catalog, load_catalog
from schemas.names import table_name, topic_name
from streams.agents import Output, Record, State, batched
from streams.identity.event_ids import Rule, derived_id, recording_id

DOMAIN = os.environ.get("PROBE_DOMAIN", "probe")
"""The domain's name: that of one test in its worker processes."""
EVENTS = ("tick", "echo", "total", "dead-letter", "secret")
TICK, ECHO, TOTAL, DEAD, SECRET = (topic_name(DOMAIN, event) for event in EVENTS)
FILE = hashlib.sha256(b"probe").digest()
STREAM = f"replay:{FILE.hex()[:16]}"
BROKEN: set[str] = set()
"""Names of the probe's rules that raise on every record."""
BEGIN_US = 1_704_067_200_000_000


@cache
def probe_catalog(name: str = DOMAIN) -> Catalog:
    """Return the packaged catalogue and the probe domain, under that name."""
    domains = dict(load_catalog(Path(__file__).parent / "catalogue").domains)
    found = domains.pop("probe")
    topics = tuple(
        replace(
            each,
            name=topic_name(name, each.event),
            domain=name,
            table=table_name(topic_name(name, each.event)),
        )
        for each in found.topics
    )
    return Catalog({**domains, name: replace(found, name=name, topics=topics)})


def tick(subject: str, number: int, mood: str = "fine", stream: str = STREAM) -> dict[str, Any]:
    """Make tick `number` of a subject: always the same event for the same arguments."""
    index = int.from_bytes(hashlib.sha256(f"{stream} {subject}".encode()).digest()[:4], "big")
    event_id = recording_id(BEGIN_US // 1000 + number, FILE, index, number)
    return {
        "event_id": event_id,
        "salt": hashlib.sha256(event_id.encode()).digest()[:16],
        "source": f"{stream}#{number}",
        "occurred_at": BEGIN_US + number * 1000,
        "subject": subject,
        "number": number,
        "mood": mood,
    }


@batched(TICK, rule="probe-echo@1", outputs=(ECHO,))
def echo(record: Record) -> Iterator[Output]:
    """Repeat a tick, or do what its mood says."""
    if "probe-echo" in BROKEN:
        raise LookupError("the rule is broken")
    mood = record.event["mood"]
    fields: dict[str, Any] = {"subject": record.key, "number": record.event["number"]}
    if mood == "raise":
        raise RuntimeError("told to")
    if mood == "invalid":
        fields["number"] = "not a number"
    if mood == "huge":
        fields["subject"] = "x" * 2_000_000
    yield Output(ECHO, fields, key=record.key)


@batched(TICK, rule="probe-total@1", outputs=(TOTAL,))
def total(record: Record, state: State) -> Iterator[Output]:
    """Count and chain the ticks of a subject."""
    before = state.get() or {"count": 0, "chain": "", "last": -1}
    if record.event["number"] <= before["last"]:
        return  # it came before, and may come again
    count, chain = before["count"] + 1, chain_after(before["chain"], record.event["number"])
    state.put({"count": count, "chain": chain, "last": record.event["number"]})
    if record.event["mood"] == "raise late":
        raise RuntimeError("after put")
    fields = {"subject": record.key, "number": record.event["number"], "count": count, "chain": chain}
    yield Output(TOTAL, fields)
    if record.event["mood"] == "close":
        state.clear()


def chain_after(chain: str, number: int) -> str:
    """Add a number to a chain of hashes."""
    return hashlib.sha256(f"{chain} {number}".encode()).hexdigest()[:16]


def expected_totals(subject: str, ticks: int) -> dict[str, tuple[int, str]]:
    """Return what must be derived from ticks 0 … ticks-1 of a subject: (count, chain) by event id."""
    found, chain = {}, ""
    for number in range(ticks):
        chain = chain_after(chain, number)
        event_id = derived_id([tick(subject, number)["event_id"]], Rule("probe-total", 1))
        found[event_id] = (number + 1, chain)
    return found
