"""What the vehicle tests share: signals with identities, and recordings turned into them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from schemas.catalog import load_catalog
from streams.agents import handlers_of
from streams.domains.vehicle import agents
from streams.domains.vehicle.signals import SIGNAL
from streams.identity.event_ids import recording_id
from streams.readers.formats import Accepted, Skipped
from streams.replay.recordings import content, find
from streams.testing import Sent, run_handlers

CATALOG = load_catalog()
HANDLERS = handlers_of(agents)
BEGIN_US = 1_772_438_400_000_000
EXCERPTS = sorted(Path(__file__).parent.glob("excerpts/*.gz"))
"""What the tests carry; further excerpts come with the platform."""


def signals(
    samples: Iterable[tuple[float, Mapping[str, Any]]], *, ended: bool = True, source: str = "replay:00ff"
) -> list[dict[str, Any]]:
    """Make signals of one vehicle out of seconds and fields; the last one closes the recording."""
    events = [
        {
            "vehicle": "v",
            **fields,
            "event_id": recording_id((BEGIN_US + round(at * 1e6)) // 1000, bytes(32), number),
            "salt": number.to_bytes(16, "big"),
            "source": f"{source}#{number}",
            "occurred_at": BEGIN_US + round(at * 1e6),
        }
        for number, (at, fields) in enumerate(samples, start=1)
    ]
    if ended and events:
        events[-1]["ends"] = "RECORDING_ENDED"
    return events


def speeds(*samples: tuple[float, float]) -> list[dict[str, Any]]:
    """Make signals out of seconds and speeds."""
    return signals((at, {"speed": speed}) for at, speed in samples)


def recorded(path: Path) -> list[dict[str, Any]]:
    """Read the vehicle signals of a recording or scenario as events."""
    events = []
    for found in find([path]):
        if found.format is None or found.part_of is not None:
            continue
        with content(found) as stream:
            for item in found.format.read(stream):
                if isinstance(item, Skipped):
                    continue
                assert isinstance(item, Accepted), item
                for draft in item.drafts:
                    if draft.topic == SIGNAL:
                        digest, at = bytes.fromhex(found.sha256), draft.occurred_at
                        events.append(
                            {
                                **draft.fields,
                                "event_id": recording_id(at // 1000, digest, item.record),
                                "salt": item.record.to_bytes(16, "big"),
                                "source": f"{found.source}#{item.record}",
                                "occurred_at": at,
                            }
                        )
    return events


def run(events: list[dict[str, Any]], topic: str | None = None, *, batch_size: int = 1_000_000) -> list[Sent]:
    """Run the domain's rules over signals; return what they sent, or what went to one topic."""
    sent = run_handlers(CATALOG, HANDLERS, events, topic=SIGNAL, batch_size=batch_size)
    return [each for each in sent if topic in (None, each.topic)]
