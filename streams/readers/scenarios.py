"""Reads labelled scenarios: small invented files for what no open recording shows (docs/recordings.md#scenarios).

A scenario is JSON lines. The first line declares it, each further line is one event:

    {"scenario": 1, "title": "…", "domain": "vehicle", "seed": 7, "facts": ["UN R157, 8.2.1"],
     "begins_at": "2026-03-02T08:00:00Z"}
    {"topic": "vehicle.signal", "offset_ms": 120, "fields": {"vehicle": "…", "speed": 50.0}}

Blank lines and lines that begin with `#` are no records. An event's time is either `offset_ms` from the header's
`begins_at`, or its own `occurred_at` (ISO 8601 with offset). `note` is for people. Its fields are written as in a
schema's examples (bytes as hex, decimals as text, personal fields in clear). An event belongs to a raw topic of the
header's domain: rules derive the other topics.

A scenario is replayed like a recording, but is marked differently: the source of its events is
`scenario:<first 16 hex digits of the file's SHA-256>#<record>` (docs/identity.md#sources).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from schemas.catalog import Topic, load_catalog
from schemas.errors import EventError
from schemas.examples import clear_tree, from_plain
from streams.readers.formats import Accepted, EventDraft, Format, Item, Refused, Skipped
from streams.readers.json_value import parse
from streams.readers.lines import BOM, LONGEST_LINE, lines

FORMAT = "scenario"
VERSION = 1
RULE = "read-scenario@1"
_HEADER = {"scenario": int, "title": str, "domain": str, "seed": int, "facts": list}
_HEADER_MAY = {"begins_at": str, "about": str}
_EVENT = frozenset({"topic", "offset_ms", "occurred_at", "fields", "note"})
_MARK = re.compile(rb'\s*\{\s*"scenario"\s*:')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ScenarioHeader:
    """The first line of a scenario.

    Attributes:
        title: What happens in it.
        domain: Folder name of the domain whose topics it writes.
        seed: Seed of the program that generated it. The file itself is authoritative.
        facts: Sources of its numbers and rules.
        begins_at: Time that `offset_ms` counts from.
    """

    title: str
    domain: str
    seed: int
    facts: tuple[str, ...]
    begins_at: datetime | None = None


def parse_header(line: bytes) -> ScenarioHeader:
    """Parse the first line of a scenario.

    Raises:
        ValueError: An entry is missing, unknown or invalid.
    """
    found = _object(line)
    for name, kind in {**_HEADER, **_HEADER_MAY}.items():
        if name not in found:
            if name in _HEADER_MAY:
                continue
            raise ValueError(f"the first line lacks {name}")
        if not isinstance(found[name], kind) or isinstance(found[name], bool):
            raise ValueError(f"{name}: expected {kind.__name__}, got {found[name]!r:.40}")  # noqa: TRY004  a wrong line
    unknown = sorted(found.keys() - _HEADER.keys() - _HEADER_MAY.keys())
    if unknown:
        raise ValueError(f"the first line has an unknown entry: {unknown[0]}")
    if found["scenario"] != VERSION:
        raise ValueError(f"scenario: expected version {VERSION}, got {found['scenario']}")
    if found["domain"] not in load_catalog().domains:
        raise ValueError(f"domain: there is no {found['domain']!r:.40}")
    if not found["title"].strip():
        raise ValueError("title: expected what the scenario tells")
    if not found["facts"] or not all(isinstance(fact, str) and fact.strip() for fact in found["facts"]):
        raise ValueError("facts: expected where the scenario's facts come from, a list of texts")
    begins_at = _instant("begins_at", found["begins_at"]) if "begins_at" in found else None
    return ScenarioHeader(found["title"], found["domain"], found["seed"], tuple(found["facts"]), begins_at)


def matches(head: bytes) -> bool:
    """Return True if a file's first bytes declare a scenario."""
    return _MARK.match(_first_line(head)) is not None


def resolve(head: bytes) -> Format:
    """Return the scenario format of the domain that the first line names.

    Args:
        head: First bytes of the file.

    Raises:
        ValueError: The first line is no valid scenario header.
    """
    try:
        header = parse_header(_first_line(head))
    except ValueError as error:
        raise ValueError(f"not a scenario that can be read: {error}") from None
    return replace(SCENARIO, domain=header.domain, resolve=None, shifted_with=f"{FORMAT}.{header.domain}")


def _first_line(head: bytes) -> bytes:
    return re.split(rb"[\r\n]", head.removeprefix(BOM), maxsplit=1)[0]


def read(stream: BinaryIO) -> Iterator[Item]:
    """Yield one item for each line.

    Args:
        stream: The file.

    Raises:
        ValueError: The first line is no valid scenario header.
    """
    found = lines(stream)
    first = next(found, None)
    header = parse_header(first.text if first else b"")
    if first:
        yield Skipped(1, "header", first.spans)
    topics = {
        topic.name: topic for topic in load_catalog().domains[header.domain].topics if topic.kind == "raw"
    }
    record = 0
    for line in found:
        if not line.text.strip() or line.text.lstrip().startswith(b"#"):
            yield Skipped(line.number, "blank line or comment", line.spans)
            continue
        record += 1
        try:
            draft = _draft(line.text, header, topics)
        except (ValueError, EventError) as error:
            yield Refused(record, line.number, line.data, str(error), RULE, line.spans)
        else:
            yield Accepted(record, line.number, line.data, (draft,), line.spans)


def _draft(line: bytes, header: ScenarioHeader, topics: Mapping[str, Topic]) -> EventDraft:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"line of more than {LONGEST_LINE} bytes")
    found = _object(line)
    unknown = sorted(found.keys() - _EVENT)
    if unknown:
        raise ValueError(f"unknown entry {unknown[0]}; known are {', '.join(sorted(_EVENT))}")
    topic = topics.get(found["topic"]) if isinstance(found.get("topic"), str) else None
    if topic is None:
        raise ValueError(
            f"topic: expected a raw topic of {header.domain} ({', '.join(sorted(topics))}), "
            f"got {found.get('topic')!r:.60}"
        )
    fields = found.get("fields")
    if not isinstance(fields, dict):
        raise ValueError(f"fields: expected an object, got {fields!r:.40}")  # noqa: TRY004  a wrong line
    own = from_plain(clear_tree(topic.schema), fields)
    occurred_us = (_occurred_at(found, header) - _EPOCH) // timedelta(microseconds=1)
    if occurred_us < 0:
        raise ValueError("time before 1970")
    return EventDraft(topic.name, occurred_us, own)


def _occurred_at(found: Mapping[str, Any], header: ScenarioHeader) -> datetime:
    if ("offset_ms" in found) == ("occurred_at" in found):
        raise ValueError("expected one of offset_ms and occurred_at")
    if "occurred_at" in found:
        return _instant("occurred_at", found["occurred_at"])
    offset_ms = found["offset_ms"]
    if isinstance(offset_ms, bool) or not isinstance(offset_ms, int | float):
        raise ValueError(f"offset_ms: expected a number, got {offset_ms!r:.40}")  # noqa: TRY004  a wrong line
    if header.begins_at is None:
        raise ValueError("offset_ms: the first line has no begins_at to count from")
    try:
        return header.begins_at + timedelta(milliseconds=offset_ms)
    except OverflowError:
        raise ValueError(f"offset_ms: no such time, got {offset_ms!r:.40}") from None


def _instant(name: str, text: object) -> datetime:
    try:
        found = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected ISO 8601, got {text!r:.40}") from None
    if found.tzinfo is None:
        raise ValueError(f"{name}: expected an offset such as Z or +09:00, got {text!r:.40}")
    return found


def _object(line: bytes) -> dict[str, Any]:
    found = parse(line)
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got {type(found).__name__}")  # noqa: TRY004  a wrong line
    return found


SCENARIO = Format(
    name=FORMAT,
    domain="",
    source_record="one event line",
    matches=matches,
    read=read,
    kind="scenario",
    resolve=resolve,
)
"""The format, before `resolve` sets the domain of a file."""
