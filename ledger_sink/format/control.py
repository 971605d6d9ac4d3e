r"""Control files: the content that START and GAP leaves commit to (FORMAT.md §3.3).

Anyone can recompute such a leaf from its file. `control/<index>.json` of a log holds one JSON object and a line feed.
The object has sorted keys, no spaces and ASCII only (other characters as `\uXXXX`). It has exactly these keys:

    {"first_offset":N,"kind":"START","previous_checkpoint":"…","topic_id":"<32 lower-case hex digits>"}
    {"first_missing":N,"kind":"GAP","last_missing":N,"reason":"…"}
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from ledger_sink.format.errors import LeafFormatError
from ledger_sink.format.leaf import gap_leaf, start_leaf
from ledger_sink.format.scan import MAX_SIZE, excerpt

MAX_CONTROL_BYTES: Final = 4_000_000
_TOPIC_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Start:
    """The content of leaf 0 of an epoch."""

    first_offset: int
    """First offset that the log may hold."""
    topic_id: str
    """Kafka's id of the topic: 32 hexadecimal digits."""
    previous_checkpoint: str
    """The signed note of the previous epoch's last checkpoint; empty for the first epoch."""

    def __post_init__(self) -> None:
        if not _TOPIC_ID.fullmatch(self.topic_id):
            raise LeafFormatError(
                f"START: expected a topic id of 32 lower-case hex digits, got {excerpt(self.topic_id)}"
            )
        _require_offset(self.first_offset)

    def leaf(self) -> bytes:
        """Return the 50-byte leaf that commits to this content."""
        return start_leaf(self.first_offset, bytes.fromhex(self.topic_id), self.previous_checkpoint.encode())

    def encode(self) -> bytes:
        """Encode the control file."""
        return _encode("START", asdict(self))


@dataclass(frozen=True, slots=True)
class Gap:
    """The content of a GAP leaf: offsets that Kafka no longer had when the log reached them, both ends included."""

    first_missing: int
    last_missing: int
    reason: str

    def __post_init__(self) -> None:
        _require_offset(self.first_missing)
        _require_offset(self.last_missing)

    def leaf(self) -> bytes:
        """Return the 50-byte leaf that commits to this content."""
        return gap_leaf(self.first_missing, self.last_missing, self.reason)

    def encode(self) -> bytes:
        """Encode the control file."""
        return _encode("GAP", asdict(self))


Control = Start | Gap
_KINDS: Final = {"START": Start, "GAP": Gap}


_FLAT: Final = re.compile(rb'\{(?:"[a-z_]*":(?:-?[0-9]+|[a-z]+|"(?:[^"\\]|\\.)*"),?)*\}\n')
"""One flat object. Where a library raised the recursion limit, deep nesting overflows the stack of `json`."""


def parse_control(data: bytes) -> Control:
    """Parse a control file.

    Raises:
        LeafFormatError: if the bytes are not the canonical encoding of a START or GAP.
    """
    if len(data) > MAX_CONTROL_BYTES:
        raise LeafFormatError(f"control: expected at most {MAX_CONTROL_BYTES} bytes, got {len(data)}")
    if not _FLAT.fullmatch(data):
        raise LeafFormatError(f"control: expected one flat object and a newline, got {excerpt(data)}")
    try:
        value = json.loads(data)
        kind = value.pop("kind")
        control: Control = _KINDS[kind](**value)
        control.leaf()
        again = control.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, LeafFormatError) as problem:
        raise LeafFormatError(f"control: no START or GAP ({type(problem).__name__}: {problem})") from None
    if again != data:
        raise LeafFormatError(f"control: expected {excerpt(again)}, got {excerpt(data)}")
    return control


def _require_offset(value: int) -> None:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise LeafFormatError(f"control: expected an offset of 0 to {MAX_SIZE}, got {value!r}")


def _encode(kind: str, fields: dict[str, Any]) -> bytes:
    value = {"kind": kind, **fields}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
