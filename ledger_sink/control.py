"""What START and GAP leaves commit to, as files anyone can recompute them from (CONTRACT §7).

`control/<index>.json` of a log holds one canonical JSON object and a line feed:

    {"first_offset":N,"kind":"START","previous_checkpoint":"…","topic_id":"<32 hex digits>"}
    {"first_missing":N,"kind":"GAP","last_missing":N,"reason":"…"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ledger_sink.errors import DamagedLogError
from ledger_sink.format.errors import LeafFormatError
from ledger_sink.format.leaf import gap_leaf, start_leaf


@dataclass(frozen=True, slots=True)
class Start:
    """The first leaf of an epoch."""

    first_offset: int
    """First offset to come."""
    topic_id: str
    """Kafka's id of the topic: 32 hexadecimal digits."""
    previous_checkpoint: str
    """The previous epoch's last checkpoint note, or empty."""

    def leaf(self) -> bytes:
        """Return the leaf that commits to this."""
        return start_leaf(self.first_offset, bytes.fromhex(self.topic_id), self.previous_checkpoint.encode())

    def encode(self) -> bytes:
        """Return the control file's bytes."""
        return _encode("START", asdict(self))


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets that were gone before we could read them."""

    first_missing: int
    last_missing: int
    reason: str

    def leaf(self) -> bytes:
        """Return the leaf that commits to this."""
        return gap_leaf(self.first_missing, self.last_missing, self.reason)

    def encode(self) -> bytes:
        """Return the control file's bytes."""
        return _encode("GAP", asdict(self))


Control = Start | Gap


def parse_control(data: bytes, where: str) -> Control:
    """Read a control file.

    Raises:
        DamagedLogError: the bytes are not the one spelling of a control.
    """
    try:
        value = json.loads(data)
        kind = value.pop("kind")
        control: Control = {"START": Start, "GAP": Gap}[kind](**value)
        control.leaf()
    except (ValueError, TypeError, KeyError, AttributeError, LeafFormatError) as error:
        raise DamagedLogError(f"{where}: no START or GAP ({type(error).__name__}: {error})") from error
    if control.encode() != data:
        raise DamagedLogError(f"{where}: expected {control.encode()!r}, got {data!r}")
    return control


def _encode(kind: str, fields: dict[str, Any]) -> bytes:
    value = {"kind": kind, **fields}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
