"""Dead letters (docs/dead-letters.md): a record that went no further, with its bytes, its origin and the reason.

Made by a file's reader (`read`), an agent whose rule raised (`agent`) or that found a signature or number wrong
(`origin`), and the ClickHouse sink for what no schema reads (`decode`). Id and salt are computed from the origin or
the input, the stage and the rule, so a repeat is byte-identical.
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
    """A record of a topic."""

    topic: str
    partition: int
    offset: int

    def event(self) -> dict[str, Any]:
        """Return the origin as the schema's `KafkaOrigin`."""
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


@dataclass(frozen=True)
class FileOrigin:
    """A record of a file: its base name, the SHA-256 of the whole file in hex, record and line from 1."""

    path: str
    sha256: str
    record: int
    line: int | None = None

    def event(self) -> dict[str, Any]:
        """Return the origin as the schema's `FileOrigin`."""
        return {"path": self.path, "sha256": self.sha256, "record": self.record, "line": self.line}


@dataclass(frozen=True)
class Refusal:
    """Why and where a record stopped.

    Attributes:
        stage: Part of the path that refused it.
        reason: One line.
        rule: `name@version` of the rule that refused it, or None.
        event_id: Id of the event, where it could be read; the dead letter's own id then follows from it.
        form: Which of several records that claim that id this is, where they may differ.
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
    """Make the event of a dead letter.

    Args:
        origin: Where the record stands.
        refusal: Why it stopped.
        data: The record's bytes, whole.
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
    """Take the values out of an error's words: what was got, and whatever stands in quotes."""
    return _QUOTED.sub("…", _GOT.sub("got …", text))


def withheld(letter: Mapping[str, Any], secret: Callable[[], DeploymentSecret]) -> dict[str, Any]:
    """Make the dead letter of a domain of persons: no value of theirs stands in it.

    A record of a topic keeps its bytes, for its personal fields were encrypted before. A record of a file is plain
    text: of it the letter keeps origin, length and a digest that cannot be guessed from.
    """
    kept = {**letter, "reason": without_values(letter["reason"])}
    if "path" in letter["origin"]:
        kept |= {"bytes": b"", "sha256": keyed_digest(secret(), letter["sha256"])}
    return kept


def topic_for(domain: str | None) -> str:
    """Name the topic of a domain's dead letters; a file of no known domain goes to the platform's."""
    return dead_letter_topic(domain or "platform")


def _identity(origin: KafkaOrigin | FileOrigin, refusal: Refusal) -> bytes:
    """Hash what makes this dead letter this one: the event, else the origin, with stage and rule."""
    if refusal.event_id:
        what = f"event {refusal.event_id}"
    elif isinstance(origin, FileOrigin):
        what = f"file {origin.sha256} {origin.record}"  # the path may change, the file is the same
    else:
        what = f"kafka {origin.topic} {origin.partition} {origin.offset}"
    parts = (what, refusal.stage, refusal.rule or "", *((refusal.form,) if refusal.form else ()))
    return hashlib.sha256(_ID + b"".join(len(p).to_bytes(4, "big") + p.encode() for p in parts)).digest()


def _one_line(text: str) -> str:
    """Put a reason on one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"
