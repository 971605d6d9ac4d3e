"""Made-up persons in the public formats, and their events, for the tests of this domain."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.domains.health import agents
from streams.domains.health.recordings import NHANES
from streams.readers.formats import Accepted, Item
from streams.testing import MemoryProducer
from tests.streams.readers.accounting import below_header

CATALOG = load_catalog()
STREAM = "replay:00112233445566ff"
COLUMNS = ("SEQN", *sorted((NHANES.needed | NHANES.optional) - {"SEQN"}), "BloodLeadUgdl")


def nhanes(*rows: Mapping[str, object]) -> bytes:
    """Make a table of NHANES; of each row what differs from a plain person."""
    plain = {
        "Gender": "Female",
        "AgeInYearsAtScreening": "34.0",
        "WeightKg": "71.2",
        "StandingHeightCm": "163.5",
    }
    lines = ["\t".join(COLUMNS)]
    for number, row in enumerate(rows):
        cells = {"SEQN": f"{93_703 + number}.0", **plain, **{name: str(value) for name, value in row.items()}}
        lines.append("\t".join(cells.get(column, "") for column in COLUMNS))
    return ("\n".join(lines) + "\n").encode()


def items(data: bytes) -> list[Item]:
    """Read a table of NHANES."""
    return below_header(NHANES.read(io.BytesIO(data)))


def door(folder: Path) -> MemoryProducer:
    """Open a door with keys of its own."""
    return MemoryProducer(CATALOG, StreamsConfig(data=folder))


def events(*rows: Mapping[str, object], stream: str = STREAM) -> list[dict[str, Any]]:
    """Make the measurements of a table as a source hands them in, in clear."""
    found = []
    for item in items(nhanes(*rows)):
        assert isinstance(item, Accepted)
        number = item.record.to_bytes(16, "big")
        found.append(
            {
                **item.drafts[0].fields,
                "event_id": f"01890000-0000-7000-8000-{item.record:012x}",
                "salt": number,
                "source": f"{stream}#{item.record}",
                "occurred_at": item.drafts[0].occurred_at,
            }
        )
    return found


def ending(accepted: int, stream: str = STREAM, domain: str | None = agents.DOMAIN) -> dict[str, Any]:
    """Make the end of a recording."""
    return {
        "event_id": "01890000-0000-7000-8000-ffffffffffff",
        "salt": bytes(16),
        "source": f"{stream}#0",
        "occurred_at": 1_546_214_400_000_000,
        "path": "people.tsv",
        "sha256": "ab" * 32,
        "format": "nhanes",
        "domain": domain,
        "read": accepted,
        "accepted": accepted,
        "refused": 0,
        "skipped": 0,
    }
