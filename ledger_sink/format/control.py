r"""What START and GAP leaves commit to, as files from which anyone can recompute them (FORMAT.md §3.3).

`control/<index>.json` of a log holds one JSON object and a line feed: keys sorted, no spaces, ASCII only
(other characters as `\uXXXX`), nothing but these keys:

    {"first_offset":N,"kind":"START","previous_checkpoint":"…","topic_id":"<32 lower-case hex digits>"}
    {"first_missing":N,"kind":"GAP","last_missing":N,"reason":"…"}
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from ledger_sink.format.errors import LeafFormatError
from ledger_sink.format.leaf import gap_leaf, start_leaf
from ledger_sink.format.scan import MAX_SIZE, shown

MAX_CONTROL_BYTES: Final = 4_000_000
_TOPIC_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Start:
    """The first leaf of an epoch."""

    first_offset: int
    """First offset to come."""
    topic_id: str
    """Kafka's id of the topic: 32 hexadecimal digits."""
    previous_checkpoint: str
    """The previous epoch's last checkpoint note, or empty."""

    def __post_init__(self) -> None:
        if not _TOPIC_ID.fullmatch(self.topic_id):
            raise LeafFormatError(
                f"START: expected a topic id of 32 lower-case hex digits, got {shown(self.topic_id)}"
            )
        _require_offset(self.first_offset)

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

    def __post_init__(self) -> None:
        _require_offset(self.first_missing)
        _require_offset(self.last_missing)

    def leaf(self) -> bytes:
        """Return the leaf that commits to this."""
        return gap_leaf(self.first_missing, self.last_missing, self.reason)

    def encode(self) -> bytes:
        """Return the control file's bytes."""
        return _encode("GAP", asdict(self))


Control = Start | Gap
_KINDS: Final = {"START": Start, "GAP": Gap}


_FLAT: Final = re.compile(rb'\{(?:"[a-z_]*":(?:-?[0-9]+|[a-z]+|"(?:[^"\\]|\\.)*"),?)*\}\n')
"""Nothing nested: Python's JSON reader can overflow the stack over deep nesting where a library raised the limit."""


def parse_control(data: bytes) -> Control:
    """Read a control file.

    Raises:
        LeafFormatError: if the bytes are not the one spelling of what a START or GAP leaf commits to.
    """
    if len(data) > MAX_CONTROL_BYTES:
        raise LeafFormatError(f"control: expected at most {MAX_CONTROL_BYTES} bytes, got {len(data)}")
    if not _FLAT.fullmatch(data):
        raise LeafFormatError(f"control: expected one flat object and a newline, got {shown(data)}")
    try:
        value = json.loads(data)
        kind = value.pop("kind")
        control: Control = _KINDS[kind](**value)
        control.leaf()
        again = control.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, LeafFormatError) as problem:
        raise LeafFormatError(f"control: no START or GAP ({type(problem).__name__}: {problem})") from None
    if again != data:
        raise LeafFormatError(f"control: expected {shown(again)}, got {shown(data)}")
    return control


def _require_offset(value: int) -> None:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise LeafFormatError(f"control: expected an offset of 0 to {MAX_SIZE}, got {value!r}")


def _encode(kind: str, fields: dict[str, Any]) -> bytes:
    value = {"kind": kind, **fields}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
