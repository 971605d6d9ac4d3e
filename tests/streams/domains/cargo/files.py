"""Where the domain's files are, and how they become events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.catalog import load_catalog
from streams.identity.event_ids import recording_id
from streams.readers.formats import Accepted, Format, Item, Refused
from streams.readers.source import open_source
from streams.replay.recordings import formats
from streams.testing import MemoryProducer

EXCERPTS = Path(__file__).parent / "excerpts"
"""What the tests carry; further excerpts come with the platform."""

OURS: dict[str, Format] = {name: each for name, each in formats().items() if each.domain == "cargo"}
DOOR = MemoryProducer(load_catalog())
ENVELOPE = {"event_id": "018f0000-0000-7000-8000-000000000001", "salt": bytes(16), "source": "replay:0#1"}


def format_of(path: Path) -> Format | None:
    """Tell a file's format as a replay does; no file is of two."""
    with open_source(path) as stream:
        head = stream.read(1 << 16)
    found = [each for each in formats().values() if each.matches(head)]
    assert len(found) < 2, path
    return found[0] if found else None


def items(path: Path) -> list[Item]:
    """Read a whole file."""
    form = format_of(path)
    assert form is not None, path
    with open_source(path) as stream:
        return list(form.read(stream))


def text_of(path: Path) -> str:
    """Read a file's text, decompressed."""
    with open_source(path) as stream:
        return stream.read().decode()


def accepted(path: Path) -> list[Accepted]:
    """Read a file of which nothing is refused."""
    found = items(path)
    assert [each for each in found if isinstance(each, Refused)] == []
    return [each for each in found if isinstance(each, Accepted)]


def encode_all(found: list[Accepted]) -> int:
    """Let every event through the door; return how many there are."""
    count = 0
    for each in found:
        for draft in each.drafts:
            DOOR.prepare(draft.topic, {**ENVELOPE, "occurred_at": draft.occurred_at, **draft.fields})
            count += 1
    return count


def events(
    found: list[Accepted], topic: str, source: str = "replay:00112233445566ff"
) -> list[dict[str, Any]]:
    """Make the whole events of one topic, envelope included."""
    return [
        {
            **draft.fields,
            "event_id": recording_id(draft.occurred_at // 1000, bytes(32), each.record, number),
            "salt": each.record.to_bytes(16, "big"),
            "source": f"{source}#{each.record}",
            "occurred_at": draft.occurred_at,
        }
        for each in found
        for number, draft in enumerate(each.drafts)
        if draft.topic == topic
    ]


def json_of(value: Any) -> bytes:
    """Write JSON."""
    return json.dumps(value).encode()
