"""Dead letters for operators: read from their tables; decisions about them are `platform.audit` events.

A decision (replayed, discarded) never deletes anything: it is an event of its own, sealed like any other, with
`kind` `dead-letter` and the dead letter's event_id as `subject` (docs/dead-letters.md).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Self

from infra.connections import connect
from infra.errors import CityError
from infra.evidence.records import fetch_from
from infra.layer_configs import streams_config
from infra.platform_events.events import PlatformEvents
from schemas.names import DATABASE, dead_letter_topic, topic_name

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog

KIND = "dead-letter"
REPLAYED = "replayed-dead-letter"
COLUMNS = (
    "event_id, _received_at, stage, reason, rule, key, length, hex(sha256) AS sha256_hex, "
    "base64Encode(bytes) AS content, origin_topic, origin_partition, origin_offset, "
    "origin_path, origin_record, origin_line"
)


class DeadLetterError(CityError):
    """A dead letter does not exist, or cannot be sent again."""


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

    def letters(self, *, domain: str | None, decided: bool, limit: int) -> list[dict[str, Any]]:
        """Return dead letters, newest first.

        Args:
            domain: Only of this domain; None: of all.
            decided: Whether to include those that were replayed or discarded.
            limit: Most dead letters.

        Raises:
            DeadLetterError: There is no such domain.
        """
        found: list[dict[str, Any]] = []
        for topic in self._topics(domain):
            found += self._query(topic.table, "1", limit=limit if decided else 10_000)
        decisions = self._decisions()
        for letter in found:
            letter["decision"] = decisions.get(letter["event_id"])
            del letter["bytes"]
        found.sort(key=lambda row: row["received_at"], reverse=True)
        return [row for row in found if decided or row["decision"] is None][:limit]

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

    def replay(self, event_id: str) -> str:
        """Send the original bytes of the record to its topic again and record the decision.

        While Kafka retains the record, its key and headers (a signature among them) are sent too.

        Returns:
            One line for the operator.

        Raises:
            DeadLetterError: It does not exist, came from a file, or its bytes were cut; or Kafka refused it.
        """
        letter = self._one(event_id)
        if letter["origin_topic"] is None:
            raise DeadLetterError(
                f"{event_id} came from a file ({letter['origin']}): "
                "mend the file and replay it with `city replay`"
            )
        if letter["length"] != len(letter["bytes"]):
            raise DeadLetterError(
                f"{event_id}: only the first {len(letter['bytes'])} of {letter['length']} bytes are here; "
                "its whole record is in the archive"
            )
        from confluent_kafka import Producer  # noqa: PLC0415 - raw bytes on purpose: the event stays what it was

        position = (letter["origin_topic"], letter["origin_partition"], letter["origin_offset"])
        record = fetch_from(self._settings.kafka_address, *position)
        key, kept = (letter["key"].encode(), []) if record is None else (record.key, list(record.headers))
        producer = Producer(
            {
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

    def discard(self, event_id: str, why: str) -> str:
        """Record the decision that nothing will be done.

        Args:
            event_id: The dead letter.
            why: The reason; kept in the event.

        Returns:
            One line for the operator.

        Raises:
            DeadLetterError: There is none of this event_id.
        """
        self._one(event_id)
        self._decide(event_id, "discarded", why)
        return f"{event_id} discarded: {why}"

    def _topics(self, domain: str | None) -> list[Any]:
        wanted = dead_letter_topic(domain) if domain else None
        found = [
            t
            for t in self._catalog.topics.values()
            if t.event == "dead-letter" and (wanted is None or t.name == wanted)
        ]
        if not found:
            raise DeadLetterError(f"no domain {domain!r}; there are {', '.join(self._catalog.domains)}")
        return found

    def _one(self, event_id: str) -> dict[str, Any]:
        for topic in self._topics(None):
            rows = self._query(topic.table, "event_id = toUUIDOrZero({id:String})", {"id": event_id})
            if rows:
                return rows[0]
        raise DeadLetterError(f"no dead letter {event_id}; see `city dead-letters list --all`")

    def _query(
        self, table: str, where: str, parameters: dict[str, str] | None = None, limit: int = 1
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
        else f"{row.get('origin_path')} record {row.get('origin_record')} line {row.get('origin_line')}"
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
        "key": row["key"],
        "length": row["length"],
        "sha256": row["sha256_hex"].lower(),
        "bytes": base64.b64decode(row["content"]),
    }
