"""What is to be proved, as a caller names it → a bundle: one record, one event, or records of an interval.

`city prove` and the web page's `/prove` take the same words: topic, partition, offset; or event; or topic with
subject and/or from and to. Records are read from Kafka while it retains them, else from the archive; the ledger
believes neither: it compares each with its leaf.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from infra.connections import connect
from infra.errors import SettingsError
from infra.evidence.records import archive_rows, find_event, prove_record, schema_of
from infra.layer_configs import ledger_config
from ledger_sink.errors import NotSealedError
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.prove.interval import ENDLESS, Interval, RangeQuery, prove_range
from schemas.codec import frame_id
from schemas.names import ARCHIVE_TABLE, DATABASE, PROVE_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings
    from ledger_sink.record import Record
    from schemas.catalog import Catalog

WORDS = ("topic", "partition", "offset", "event", "subject", "from", "to")


class WordsError(SettingsError):
    """What is to be proved is not named, or not in one way."""


class UnknownTopicError(WordsError):
    """The catalogue has no topic of that name."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle and the name of a file for it."""

    name: str
    data: bytes
    about: str
    """What it is evidence of, in words."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asked for; exactly one of the three ways, or `WordsError`."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    event: str | None = None
    subject: str | None = None
    interval: Interval | None = None

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Wanted:
        """Read a caller's words.

        Raises:
            WordsError: naming the word that is wrong or missing.
        """
        strange = [word for word in words if word not in WORDS]
        if strange:
            raise WordsError(f"{strange[0]}: unknown word, expected some of {', '.join(WORDS)}")
        ranged = [word for word in ("subject", "from", "to") if word in words]
        if "event" in words:
            if len(words) > 1:
                raise WordsError("event: expected nothing else beside it")
            return cls(event=words["event"])
        if "topic" not in words:
            raise WordsError(
                "name what is to be proved: topic, partition and offset; event; or topic and subject"
            )
        partition = (
            None if "partition" not in words else _number("partition", words["partition"], (1 << 31) - 1)
        )
        if ranged:
            if "offset" in words:
                raise WordsError(f"offset: it does not go with {ranged[0]}; from and to take offsets too")
            interval = interval_of(words.get("from"), words.get("to"))
            return cls(words["topic"], partition, None, None, words.get("subject"), interval)
        if partition is None or "offset" not in words:
            raise WordsError("name the record: topic, partition and offset; or event; or topic and subject")
        return cls(words["topic"], partition, _number("offset", words["offset"], ENDLESS - 1))


def interval_of(start: str | None, end: str | None) -> Interval:
    """Read from and to: both times with a zone (RFC 3339), or both offsets; an end that is left out is open.

    Raises:
        WordsError: one is neither, or they are of two kinds.
    """
    bounds = [None if text is None else _bound(text) for text in (start, end)]
    kinds = {by_time for bound in bounds if bound is not None for by_time in (bound[1],)}
    if len(kinds) > 1:
        raise WordsError("from and to: expected two times or two offsets, got one of each")
    first = bounds[0][0] if bounds[0] is not None else 0
    last = bounds[1][0] if bounds[1] is not None else ENDLESS
    if first >= last:
        raise WordsError(f"from and to: expected from before to, got {start} and {end}")
    return Interval(first, last, by_time=kinds == {True})


def _bound(text: str) -> tuple[int, bool]:
    if text.isascii() and text.isdigit():
        return _number("from or to", text, ENDLESS - 1), False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WordsError(
            f"from or to: expected a time with its zone (2026-11-22T10:00:00Z) or an offset, got {text!a}"
        )
    return max(0, int(moment.timestamp() * 1000)), True


def _number(word: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= largest):
        raise WordsError(f"{word}: expected a whole number from 0 to {largest}, got {text[:40]!a}")
    return int(text)


def prove_wanted(settings: Settings, catalog: Catalog, wanted: Wanted, wait_s: float) -> Bundle:
    """Make the bundle of what was asked for.

    Raises:
        WordsError: the topic is unknown, or the subject stands in several partitions.
        CityError: no such event; Kafka or ClickHouse does not answer.
        LedgerError: it cannot be proved (yet); see `ledger_sink.prove.record`.
    """
    if wanted.topic is not None and wanted.topic not in catalog.topics:
        raise UnknownTopicError(
            f"topic {wanted.topic[:100]!a}: the catalogue has no such topic; see `city schemas list`"
        )
    if wanted.interval is not None and wanted.topic is not None:
        return _prove_interval(settings, catalog, wanted, wait_s)
    if wanted.event is not None:
        place = find_event(settings, catalog, wanted.event)
    elif wanted.topic is not None and wanted.partition is not None and wanted.offset is not None:
        place = (wanted.topic, wanted.partition, wanted.offset)
    else:
        raise WordsError("name what is to be proved")
    data = prove_record(settings, catalog, place, wait_s)
    return Bundle("{}-{}-{}.evidence".format(*place), data, "{}/{} offset {}".format(*place))


def _prove_interval(settings: Settings, catalog: Catalog, wanted: Wanted, wait_s: float) -> Bundle:
    topic, interval = wanted.topic, wanted.interval
    if topic is None or interval is None:
        raise WordsError("name the topic")
    key = None if wanted.subject is None else wanted.subject.encode("utf-8", "surrogateescape")
    partition = wanted.partition
    if partition is None:
        if key is None:
            raise WordsError("without a subject, name the partition too: an interval is one partition's")
        partition = _partition_of(settings, topic, key)
    chosen = partition

    def records(first: int, end: int) -> Iterator[Record]:
        return _records(settings, catalog, (topic, chosen), first, end)

    def schema(record: Record) -> tuple[int, str] | None:
        text = schema_of(catalog, record)
        return None if text is None else (frame_id(record.value), text)

    asked = RangeQuery(topic, chosen, interval, lambda record: key is None or record.key == key)
    data = prove_range(ledger_config(settings, catalog), asked, records=records, schema=schema, wait_s=wait_s)
    whose = "all" if key is None else re.sub(r"[^A-Za-z0-9._-]", "_", wanted.subject or "")[:60]
    about = "every record" if key is None else f"the records of {wanted.subject}"
    return Bundle(f"{topic}-{chosen}-{whose}.evidence", data, f"{about} in an interval of {topic}/{chosen}")


def _records(
    settings: Settings, catalog: Catalog, place: tuple[str, int], first: int, end: int
) -> Iterator[Record]:
    """Read records from Kafka if it still has the first of them, else from the archive."""
    source = KafkaSource(ledger_config(settings, catalog), group=PROVE_GROUP)
    try:
        if source.watermarks(*place)[0] <= first:
            yield from source.records(*place, first, end)
            return
    finally:
        source.close()
    with closing(connect(settings)) as client:
        for record in archive_rows(client, *place, first):
            if record.offset >= end:
                return
            yield record


def _partition_of(settings: Settings, topic: str, key: bytes) -> int:
    """Return the partition in which the archive has a subject's records.

    Raises:
        NotSealedError: it has none.
        WordsError: they stand in several.
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
        places = ", ".join(f"{partition} ({count} records)" for partition, count in rows)
        raise WordsError(f"{topic}: the subject stands in several partitions: {places}; name one of them")
    return int(rows[0][0])
