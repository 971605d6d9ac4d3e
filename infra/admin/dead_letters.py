"""Dead letters for operators: read from their tables; decisions about them are `platform.audit` events.

A decision (replayed, discarded) never deletes anything: it is an event of its own, sealed like any other, with
`kind` `dead-letter` and the dead letter's event_id as `subject` (docs/dead-letters.md).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from infra.connections import connect
from infra.errors import CityError
from infra.evidence.records import fetch
from infra.kafka.admin import QUIET
from infra.layer_configs import streams_config
from infra.near_names import did_you_mean
from infra.platform_events.events import PlatformEvents
from schemas.names import DATABASE, dead_letter_topic, topic_name

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings
    from schemas.catalog import Catalog

KIND = "dead-letter"
SENT = frozenset({"mended", "replayed"})
"""Decisions after which the record, or its corrected form, is in its topic."""
SHORTEST_ID = 4
"""Fewest digits of an id that stand for the whole id, if only one begins so."""
STAGES = ("read", "agent", "decode", "origin")
REPLAYED = "replayed-dead-letter"
COLUMNS = (
    "event_id, _received_at, stage, reason, rule, key, length, hex(sha256) AS sha256_hex, "
    "base64Encode(bytes) AS content, origin_topic, origin_partition, origin_offset, "
    "origin_path, origin_sha256, origin_record, origin_line"
)


class DeadLetterError(CityError):
    """A dead letter does not exist, or cannot be sent again."""


@dataclass(frozen=True)
class Wanted:
    """Which dead letters an operator asks for; None: any.

    Attributes:
        domain: The domain.
        topic: The topic of the record that was refused.
        file: Base name of the file of the record that was refused.
        rule: The rule that refused it, with or without its version.
        stage: The stage that refused it.
        decided: Whether those that were dealt with are wanted, too.
    """

    domain: str | None = None
    topic: str | None = None
    file: str | None = None
    rule: str | None = None
    stage: str | None = None
    decided: bool = False

    def condition(self) -> tuple[str, dict[str, Any]]:
        """Return the condition in SQL, and its parameters."""
        parts = {
            "topic": "origin_topic = {topic:String}",
            "file": "origin_path = {path:String}",
            "rule": "(rule = {rule:String} OR startsWith(ifNull(rule, ''), concat({rule:String}, '@')))",
            "stage": "stage = {stage:String}",
        }
        given = {name: value for name in parts if (value := getattr(self, name)) is not None}
        binds = {"path" if name == "file" else name: value for name, value in given.items()}
        return " AND ".join(["1", *(parts[name] for name in given)]), binds


class DeadLetterOffice:
    """The dead letters of one stack, over one connection to ClickHouse; a decision opens a producer of its own."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._client = connect(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()

    def letters(self, wanted: Wanted, *, limit: int) -> list[dict[str, Any]]:
        """Return dead letters, newest first, without their bytes.

        Args:
            wanted: Which.
            limit: Most dead letters.

        Raises:
            DeadLetterError: There is no such domain.
        """
        where, parameters = wanted.condition()
        decisions = self._decisions()
        left_out = [] if wanted.decided else list(decisions)
        found: list[dict[str, Any]] = []
        for topic in self._topics(wanted.domain):
            found += self._query(
                topic.table,
                f"{where} AND toString(event_id) NOT IN {{decided:Array(String)}}",
                {**parameters, "decided": left_out},
                limit=limit,
            )
        for letter in found:
            letter["decision"] = decisions.get(letter["event_id"])
            del letter["bytes"]
        found.sort(key=lambda row: row["received_at"], reverse=True)
        return found[:limit]

    def groups(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Return how many dead letters each rule made of each file or topic, most first.

        Args:
            wanted: Which dead letters.

        Raises:
            DeadLetterError: There is no such domain.
        """
        where, parameters = wanted.condition()
        left_out = [] if wanted.decided else list(self._decisions())
        found: list[dict[str, Any]] = []
        for topic in self._topics(wanted.domain):
            answer = self._client.query(
                "SELECT count() AS letters, stage, rule, "
                "if(ifNull(origin_topic, '') != '', origin_topic, origin_path) AS origin, "
                f"min(toString(event_id)) AS example FROM {DATABASE}.{topic.table} FINAL WHERE {where} "
                "AND toString(event_id) NOT IN {decided:Array(String)} GROUP BY stage, rule, origin",
                parameters={**parameters, "decided": left_out},
            )
            found += [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]
        return sorted(found, key=lambda row: (-row["letters"], row["stage"], str(row["origin"])))

    def show(self, event_id: str) -> dict[str, Any]:
        """Return one dead letter with its bytes in base64 and, where they are text, as text.

        Raises:
            DeadLetterError: There is none of this event_id.
        """
        letter = self._one(event_id)
        letter["decision"] = self._decisions().get(letter["event_id"])
        content = letter.pop("bytes")
        try:
            letter["text"] = content.decode()
        except UnicodeDecodeError:
            letter["base64"] = base64.b64encode(content).decode()
        return letter

    def content(self, event_id: str) -> bytes:
        """Return the bytes that a dead letter holds of its record.

        Raises:
            DeadLetterError: There is none of this event_id, or it holds not all of them.
        """
        letter = self._one(event_id)
        if letter["length"] != len(letter["bytes"]):
            raise DeadLetterError(
                f"{letter['event_id']} holds {len(letter['bytes'])} of the {letter['length']} bytes of its record; "
                f"take it from the source itself ({letter['origin']})"
            )
        return bytes(letter["bytes"])

    def replay(self, event_id: str) -> str:
        """Send the original bytes of the record to its topic again and record the decision.

        Its key and headers (a signature among them) are those of the record in Kafka or the archive. Without them
        nothing is sent.

        Returns:
            One line for the operator.

        Raises:
            DeadLetterError: It does not exist, came from a file, its bytes were cut, or its record is gone; or Kafka
                refused it.
            PartDownError: Kafka does not answer.
        """
        letter = self._one(event_id)
        if letter["origin_topic"] is None:
            raise DeadLetterError(
                f"{letter['event_id']} came from a file ({letter['origin']}): put the corrected record into a file "
                f"and mend it with `city dead-letters mend {letter['event_id'][:8]} FILE`"
            )
        if letter["length"] != len(letter["bytes"]):
            raise DeadLetterError(
                f"{event_id}: only the first {len(letter['bytes'])} of {letter['length']} bytes are here; "
                "its whole record is in the archive"
            )
        event_id = letter["event_id"]
        from confluent_kafka import Producer  # noqa: PLC0415 - raw bytes on purpose: the event stays what it was

        position = (letter["origin_topic"], letter["origin_partition"], letter["origin_offset"])
        archived = (
            self._catalog.topics[position[0]].archived if position[0] in self._catalog.topics else False
        )
        record = fetch(self._settings, *position, archive=archived)
        if record is None or record.value != letter["bytes"]:
            raise DeadLetterError(
                f"{event_id}: neither Kafka nor the archive has its record ({letter['origin']}) any more, so its "
                "headers and signature are lost; produce it anew with `city produce`, and discard this"
            )
        key, kept = record.key, list(record.headers)
        producer = Producer(
            {
                **QUIET,
                "bootstrap.servers": self._settings.kafka_address,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # where its key's other records are
            }
        )
        failed: list[str] = []
        producer.produce(
            letter["origin_topic"],
            key=key,
            value=letter["bytes"],
            headers=[*(each for each in kept if each[0] != REPLAYED), (REPLAYED, event_id.encode())],
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
        if producer.flush(30) or failed:
            raise DeadLetterError(f"{event_id}: Kafka did not take it: {failed or 'no answer within 30 s'}")
        self._decide(event_id, "replayed", "")
        return f"{event_id} sent to {letter['origin_topic']} again"

    def mend(self, event_id: str, path: Path) -> str:
        """Send the corrected records of a refused record of a file, and record the decision.

        Args:
            event_id: The dead letter.
            path: The corrected records, in the format of the recording.

        Returns:
            One line for the operator.

        Raises:
            DeadLetterError: It does not exist, or came from a topic.
            MendError: The corrected records are not accepted as a whole; nothing was sent.
        """
        from streams.produce.kafka import Producer  # noqa: PLC0415 - only a decision needs Kafka
        from streams.replay.mend import RefusedRecord, mend  # noqa: PLC0415 - loads every reader

        letter = self._one(event_id)
        event_id = letter["event_id"]
        if letter["origin_topic"] is not None:
            raise DeadLetterError(
                f"{event_id} came from a topic ({letter['origin']}): `city dead-letters replay` sends it again, and "
                "`city produce` sends another event in its place"
            )
        refused = RefusedRecord(
            event_id, letter["origin_path"], letter["origin_sha256"], letter["origin_record"]
        )
        config = streams_config(self._settings)
        with Producer(config, self._catalog) as producer:
            records = mend(config, producer, refused, path)
            for record in records:
                producer.send(record)
            producer.flush()
        again = self._decisions().get(event_id) == "mended"
        self._decide(event_id, "mended", f"{len(records)} events from {path.name}")
        repeat = "; it had been mended before, and equal events count once" if again else ""
        return f"{event_id} mended: {len(records)} events of {path} went in{repeat}"

    def discard(self, event_id: str, why: str) -> str:
        """Record the decision that nothing will be done.

        Args:
            event_id: The dead letter.
            why: The reason; kept in the event.

        Returns:
            One line for the operator.

        Raises:
            DeadLetterError: There is none of this event_id, or its record went in after all.
        """
        event_id = self._one(event_id)["event_id"]
        before = self._decisions().get(event_id)
        if before in SENT:
            raise DeadLetterError(f"{event_id} was {before} already: there is nothing to discard")
        self._decide(event_id, "discarded", why)
        return f"{event_id} discarded: {why}"

    def _topics(self, domain: str | None) -> list[Any]:
        wanted = dead_letter_topic(domain) if domain else None
        known = [t for t in self._catalog.topics.values() if t.event == "dead-letter"]
        found = [t for t in known if wanted is None or t.name == wanted]
        if not found:
            names = [each.domain for each in known]
            raise DeadLetterError(
                f"no domain {domain!r}{did_you_mean(str(domain), names)} (there are {', '.join(names)})"
            )
        return found

    def _one(self, event_id: str) -> dict[str, Any]:
        text = event_id.strip().lower()
        if not re.fullmatch(rf"[0-9a-f-]{{{SHORTEST_ID},36}}", text):
            raise DeadLetterError(
                f"{event_id[:60]!a} is no id of a dead letter, nor its first {SHORTEST_ID} digits or more; "
                "see `city dead-letters list --all`"
            )
        found: list[dict[str, Any]] = []
        for topic in self._topics(None):
            found += self._query(
                topic.table, "startsWith(toString(event_id), {id:String})", {"id": text}, limit=3
            )
        if len(found) > 1:
            some = ", ".join(sorted(letter["event_id"] for letter in found)[:3])
            raise DeadLetterError(f"{event_id}: several dead letters begin so: {some}; give more digits")
        if not found:
            raise DeadLetterError(f"no dead letter {event_id}; see `city dead-letters list --all`")
        return found[0]

    def _query(
        self, table: str, where: str, parameters: dict[str, Any] | None = None, limit: int = 1
    ) -> list[dict[str, Any]]:
        answer = self._client.query(
            f"SELECT {COLUMNS} FROM {DATABASE}.{table} FINAL "
            f"WHERE {where} ORDER BY _received_at DESC LIMIT {limit}",
            parameters=parameters or {},
        )
        return [letter_of(dict(zip(answer.column_names, row, strict=True))) for row in answer.result_rows]

    def _decisions(self) -> dict[str, str]:
        table = self._catalog.topics[topic_name("platform", "audit")].table
        rows = self._client.query(
            f"SELECT subject, argMax(details['decision'], occurred_at) FROM {DATABASE}.{table} FINAL "
            f"WHERE kind = '{KIND}' GROUP BY subject"
        ).result_rows
        return dict(rows)

    def _decide(self, event_id: str, decision: str, why: str) -> None:
        from streams.produce.kafka import Producer  # noqa: PLC0415 - only a decision needs Kafka

        with Producer(streams_config(self._settings), self._catalog) as producer:
            PlatformEvents(producer, "dead-letters").event(
                topic_name("platform", "audit"),
                {
                    "kind": KIND,
                    "subject": event_id,
                    "verdict": "PASS",
                    "problems": [],
                    "details": {"decision": decision, "why": why},
                },
            )
            producer.flush()


def letter_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return a dead letter from a row of its table, with its origin in words and its bytes decoded."""
    topic = row.get("origin_topic")
    origin = (
        f"{topic}/{row['origin_partition']}@{row['origin_offset']}"
        if topic
        else " ".join(
            [
                str(row.get("origin_path")),
                *(
                    f"{name} {row[f'origin_{name}']}"
                    for name in ("record", "line")
                    if row.get(f"origin_{name}") is not None
                ),
            ]
        )
    )
    return {
        "event_id": str(row["event_id"]),
        "received_at": row["_received_at"],
        "stage": row["stage"],
        "reason": row["reason"],
        "rule": row["rule"],
        "origin": origin,
        "origin_topic": topic or None,
        "origin_partition": row.get("origin_partition"),
        "origin_offset": row.get("origin_offset"),
        "origin_path": row.get("origin_path"),
        "origin_sha256": row.get("origin_sha256"),
        "origin_record": row.get("origin_record"),
        "key": row["key"],
        "length": row["length"],
        "sha256": row["sha256_hex"].lower(),
        "bytes": base64.b64decode(row["content"]),
    }
