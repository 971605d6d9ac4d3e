"""Dead letters: records that went no further, with their bytes, origin and reason (docs/dead-letters.md).

Their stages are `read` (the reader of a file), `agent` (a rule raised), `origin` (the provenance check refused it) and
`decode` (the ClickHouse sink found no schema that reads it). Id and salt are computed from the event or origin, the
stage and the rule, so a repeat has the same bytes.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from schemas.names import dead_letter_topic
from streams.identity.event_ids import SALT_BYTES, Rule, derived_id
from streams.identity.pseudonyms import keyed_digest
from streams.identity.secret import DeploymentSecret

Stage = Literal["read", "agent", "decode", "origin"]
PREFIX_BYTES = 512 * 1000
REASON_CHARACTERS = 500
_ID = b"city-dead-letter/v1\n"
_SALT = b"dead-letter-salt"
_RULE = Rule("dead-letter", 1)
_GOT = re.compile(r"\bgot\b.*", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True)
class KafkaOrigin:
    """The origin of a dead letter in a topic."""

    topic: str
    partition: int
    offset: int

    def event(self) -> dict[str, Any]:
        """Return the origin as the schema's `KafkaOrigin`."""
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


@dataclass(frozen=True)
class FileOrigin:
    """The origin of a dead letter in a file.

    Attributes:
        path: Base name of the file.
        sha256: SHA-256 of the whole file in hex.
        record: Number of the source record, from 1.
        line: Number of the line, from 1, or None.
    """

    path: str
    sha256: str
    record: int
    line: int | None = None

    def event(self) -> dict[str, Any]:
        """Return the origin as the schema's `FileOrigin`."""
        return {"path": self.path, "sha256": self.sha256, "record": self.record, "line": self.line}


@dataclass(frozen=True)
class Refusal:
    """The reason why a record went no further.

    Attributes:
        stage: Stage that refused it.
        reason: One line.
        rule: `name@version` of the rule that refused it, or None.
        event_id: Id of the event, where it could be read; the dead letter's own id then follows from it.
        form: Distinguishes records that carry the same event id and differ.
    """

    stage: Stage
    reason: str
    rule: str | None = None
    event_id: str | UUID | None = None
    form: str = ""


def dead_letter(
    origin: KafkaOrigin | FileOrigin,
    refusal: Refusal,
    data: bytes,
    *,
    source: str,
    occurred_us: int,
    key: str | None = None,
) -> dict[str, Any]:
    """Return the event of a dead letter.

    Args:
        origin: Position of the record in its topic or file.
        refusal: Why it was refused.
        data: All bytes of the record.
        source: Source of the event, of the replay, or of the part of the platform that refused it.
        occurred_us: Time of the record, microseconds since 1970.
        key: The record's key; for a file `sha256:record`.

    Returns:
        An event of the shared dead-letter schema, envelope included.
    """
    identity = _identity(origin, refusal)
    if key is None:
        key = f"{origin.sha256}:{origin.record}" if isinstance(origin, FileOrigin) else ""
    return {
        "event_id": derived_id([UUID(bytes=identity[:16])], _RULE),
        "salt": hashlib.sha256(_SALT + identity).digest()[:SALT_BYTES],
        "source": source,
        "occurred_at": occurred_us,
        "recorded_at": None,
        "key": key or "-",
        "origin": origin.event(),
        "stage": refusal.stage,
        "reason": _one_line(refusal.reason),
        "rule": refusal.rule,
        "bytes": data[:PREFIX_BYTES],
        "length": len(data),
        "sha256": hashlib.sha256(data).digest(),
    }


def without_values(text: str) -> str:
    """Return an error message without values: without the text after "got" and without quoted text."""
    return _QUOTED.sub("…", _GOT.sub("got …", text))


def withheld(letter: Mapping[str, Any], secret: Callable[[], DeploymentSecret]) -> dict[str, Any]:
    """Return a dead letter without personal values, for a domain of persons.

    A record of a topic keeps its bytes, because its personal fields are encrypted. A record of a file is plain text, so
    only its origin, length and a keyed digest are kept.

    Args:
        letter: The dead letter.
        secret: Returns the deployment secret.
    """
    kept = {**letter, "reason": without_values(letter["reason"])}
    if "path" in letter["origin"]:
        kept |= {"bytes": b"", "sha256": keyed_digest(secret(), letter["sha256"])}
    return kept


def topic_for(domain: str | None) -> str:
    """Return the topic of a domain's dead letters; that of `platform` for a file of no known domain."""
    return dead_letter_topic(domain or "platform")


def _identity(origin: KafkaOrigin | FileOrigin, refusal: Refusal) -> bytes:
    """Return the hash that identifies a dead letter, over the event id or the origin, the stage and the rule."""
    if refusal.event_id:
        what = f"event {refusal.event_id}"
    elif isinstance(origin, FileOrigin):
        what = f"file {origin.sha256} {origin.record}"  # the path may change, the file does not
    else:
        what = f"kafka {origin.topic} {origin.partition} {origin.offset}"
    parts = (what, refusal.stage, refusal.rule or "", *((refusal.form,) if refusal.form else ()))
    return hashlib.sha256(_ID + b"".join(len(p).to_bytes(4, "big") + p.encode() for p in parts)).digest()


def _one_line(text: str) -> str:
    """Return a reason as one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"
