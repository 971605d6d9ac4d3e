"""Evidence bundles on request: of one record, one event, or the records of an interval.

`city prove` and the web process's `/prove` take the same parameters: topic, partition, offset; or event; or topic
with subject and/or from and to. Records are read from Kafka while it retains them, else from the archive. The ledger
trusts neither: it compares each record with its leaf.
"""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from infra.connections import connect
from infra.errors import SettingsError
from infra.evidence.records import archive_rows, end_of, find_event, prove_record, schema_of
from infra.layer_configs import ledger_config
from infra.near_names import did_you_mean
from ledger_sink.errors import NotCoveredYetError, NotSealedError
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.prove.interval import ENDLESS, Interval, RangeQuery, prove_range
from schemas.codec import frame_id
from schemas.names import ARCHIVE_TABLE, DATABASE, PROVE_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.settings import Settings
    from ledger_sink.record import Record
    from schemas.catalog import Catalog

PARAMETERS = ("topic", "partition", "offset", "event", "subject", "from", "to")


class EvidenceRequestError(SettingsError):
    """A request names no record, or names it in more than one way."""


class UnknownTopicError(EvidenceRequestError):
    """The catalogue has no topic of that name."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An evidence bundle and a file name for it."""

    name: str
    data: bytes
    about: str
    """What it is evidence of, for the operator."""


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """What a caller wants evidence of: a record, an event, or an interval.

    Attributes:
        topic: The topic; None with `event`.
        partition: The partition; None: the one that has the subject.
        offset: The offset of one record.
        event: The event_id of one event.
        subject: The key whose records are wanted; None: all.
        interval: The interval, by offsets or by Kafka timestamps.
    """

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    event: str | None = None
    subject: str | None = None
    interval: Interval | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the parts of the stack that it takes; ClickHouse finds events and subjects."""
        finds = self.event is not None or (self.interval is not None and self.partition is None)
        return ("kafka", "clickhouse") if finds else ("kafka",)

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> EvidenceRequest:
        """Parse a caller's parameters, name → text.

        Raises:
            EvidenceRequestError: A parameter is unknown, missing, malformed, or does not go with another.
        """
        unknown = [name for name in parameters if name not in PARAMETERS]
        if unknown:
            raise EvidenceRequestError(
                f"{unknown[0]}: unknown word, expected some of {', '.join(PARAMETERS)}"
            )
        ranged = [name for name in ("subject", "from", "to") if name in parameters]
        if "event" in parameters:
            if len(parameters) > 1:
                raise EvidenceRequestError("event: expected nothing else beside it")
            return cls(event=parameters["event"])
        if "topic" not in parameters:
            raise EvidenceRequestError(
                "name what is to be proved: topic, partition and offset; event; or topic and subject"
            )
        partition = (
            None
            if "partition" not in parameters
            else _number("partition", parameters["partition"], (1 << 31) - 1)
        )
        if ranged:
            if "offset" in parameters:
                raise EvidenceRequestError(
                    f"offset: it does not go with {ranged[0]}; from and to take offsets too"
                )
            interval = interval_of(parameters.get("from"), parameters.get("to"))
            return cls(parameters["topic"], partition, None, None, parameters.get("subject"), interval)
        if partition is None or "offset" not in parameters:
            raise EvidenceRequestError(
                "name the record: topic, partition and offset; or event; or topic and subject"
            )
        return cls(parameters["topic"], partition, _number("offset", parameters["offset"], ENDLESS - 1))


def interval_of(start: str | None, end: str | None) -> Interval:
    """Parse `from` and `to`.

    Args:
        start: A time with its zone (RFC 3339) or an offset; None: from the beginning.
        end: The same, exclusive; None: without end.

    Raises:
        EvidenceRequestError: One is neither, they are of two kinds, or the interval is empty.
    """
    bounds = [None if text is None else _bound(text) for text in (start, end)]
    kinds = {by_time for bound in bounds if bound is not None for by_time in (bound[1],)}
    if len(kinds) > 1:
        raise EvidenceRequestError("from and to: expected two times or two offsets, got one of each")
    first = bounds[0][0] if bounds[0] is not None else 0
    last = bounds[1][0] if bounds[1] is not None else ENDLESS
    if first >= last:
        raise EvidenceRequestError(f"from and to: expected from before to, got {start} and {end}")
    return Interval(first, last, by_time=kinds == {True})


def _bound(text: str) -> tuple[int, bool]:
    if text.isascii() and text.isdigit():
        return _number("from or to", text, ENDLESS - 1), False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise EvidenceRequestError(
            f"from or to: expected a time with its zone (2026-11-22T10:00:00Z) or an offset, got {text!a}"
        )
    return max(0, int(moment.timestamp() * 1000)), True


def _number(name: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= largest):
        raise EvidenceRequestError(f"{name}: expected a whole number from 0 to {largest}, got {text[:40]!a}")
    return int(text)


def prove_request(settings: Settings, catalog: Catalog, request: EvidenceRequest, wait_s: float) -> Bundle:
    """Make the evidence bundle of a request.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        request: What is to be proved.
        wait_s: Longest wait for a cosigned checkpoint, in seconds.

    Raises:
        EvidenceRequestError: The topic is unknown, or the subject has records in several partitions.
        CityError: There is no such event; or Kafka or ClickHouse does not answer.
        LedgerError: It cannot be proved (yet); see `ledger_sink.prove.record`.
    """
    if request.topic is not None and request.topic not in catalog.topics:
        raise UnknownTopicError(
            f"topic {request.topic[:100]!a}: the catalogue has no such topic"
            f"{did_you_mean(request.topic, catalog.topics)} (see `city schemas list`)"
        )
    if request.interval is not None and request.topic is not None:
        return _prove_interval(settings, catalog, request, wait_s)
    if request.event is not None:
        position = find_event(settings, catalog, request.event)
    elif request.topic is not None and request.partition is not None and request.offset is not None:
        position = (request.topic, request.partition, request.offset)
    else:
        raise EvidenceRequestError("name what is to be proved")
    data = _wait_for(partial(prove_record, settings, catalog, position), wait_s, settings, position)
    return Bundle("{}-{}-{}.evidence".format(*position), data, "{}/{} offset {}".format(*position))


def _wait_for(
    make: Callable[[float], bytes], wait_s: float, settings: Settings, position: tuple[str, int, int]
) -> bytes:
    """Make a bundle; wait only for a record that exists, and not for one behind the end of its partition.

    Args:
        make: Makes the bundle, given the longest wait in seconds.
        wait_s: Longest wait, in seconds.
        settings: The stack.
        position: Topic, partition and first offset.

    Raises:
        NotSealedError: The partition ends before the offset.
        NotCoveredYetError: It is sealed and cosigned soon.
        PartDownError: Kafka does not answer.
    """
    try:
        return make(0.0)
    except NotCoveredYetError as error:
        end = end_of(settings.kafka_address, *position[:2])
        if position[2] >= end:
            raise NotSealedError(
                "{}/{} offset {}: there is no such record; ".format(*position)
                + (f"the partition ends before offset {end}" if end else "the partition has none")
            ) from error
        if not wait_s:
            raise
    return make(wait_s)


def _prove_interval(settings: Settings, catalog: Catalog, request: EvidenceRequest, wait_s: float) -> Bundle:
    topic, interval = request.topic, request.interval
    if topic is None or interval is None:
        raise EvidenceRequestError("name the topic")
    key = None if request.subject is None else request.subject.encode("utf-8", "surrogateescape")
    partition = request.partition
    if partition is None:
        if key is None:
            raise EvidenceRequestError(
                "without a subject, name the partition too: an interval is one partition's"
            )
        partition = _partition_of(settings, topic, key)
    chosen = partition

    def records(first: int, end: int) -> Iterator[Record]:
        return _records(settings, catalog, (topic, chosen), first, end)

    def schema(record: Record) -> tuple[int, str] | None:
        text = schema_of(catalog, record)
        return None if text is None else (frame_id(record.value), text)

    if interval.by_time and interval.first > time.time() * 1000:
        raise EvidenceRequestError("from: expected a time that has come, got one in the future")
    asked = RangeQuery(topic, chosen, interval, lambda record: key is None or record.key == key)
    make = partial(prove_range, ledger_config(settings, catalog), asked, records=records, schema=schema)
    begin = 0 if interval.by_time else interval.first
    data = _wait_for(lambda wait: make(wait_s=wait), wait_s, settings, (topic, chosen, begin))
    whose = "all" if key is None else re.sub(r"[^A-Za-z0-9._-]", "_", request.subject or "")[:60]
    about = "every record" if key is None else f"the records of {request.subject}"
    return Bundle(f"{topic}-{chosen}-{whose}.evidence", data, f"{about} in an interval of {topic}/{chosen}")


def _records(
    settings: Settings, catalog: Catalog, partition: tuple[str, int], first: int, end: int
) -> Iterator[Record]:
    """Yield records of a (topic, partition) from Kafka if it still has the first of them, else from the archive."""
    source = KafkaSource(ledger_config(settings, catalog), group=PROVE_GROUP)
    try:
        if source.watermarks(*partition)[0] <= first:
            yield from source.records(*partition, first, end)
            return
    finally:
        source.close()
    with closing(connect(settings)) as client:
        for record in archive_rows(client, *partition, first):
            if record.offset >= end:
                return
            yield record


def _partition_of(settings: Settings, topic: str, key: bytes) -> int:
    """Return the partition in which the archive has a subject's records.

    Raises:
        NotSealedError: The archive has none.
        EvidenceRequestError: It has some in several partitions.
    """
    with closing(connect(settings)) as client:
        rows = client.query(
            f"SELECT partition, count() FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            "AND hex(ifNull(key, '')) = {key:String} GROUP BY partition ORDER BY partition",
            parameters={"topic": topic, "key": key.hex().upper()},
        ).result_rows
    if not rows:
        raise NotSealedError(
            f"{topic}: no record in the archive has that key; is the stack behind? see `city status`"
        )
    if len(rows) > 1:
        partitions = ", ".join(f"{partition} ({count} records)" for partition, count in rows)
        raise EvidenceRequestError(
            f"{topic}: the subject stands in several partitions: {partitions}; name one of them"
        )
    return int(rows[0][0])
