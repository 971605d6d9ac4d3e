"""`city prove` and `/prove` over the real Kafka, the real engine and a running ledger: events, records, intervals."""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from confluent_kafka import Producer
from starlette.applications import Starlette

from infra.errors import PartDownError
from infra.evidence import prove as proving
from infra.evidence import records as records_of
from infra.evidence.prove import EvidenceRequest, EvidenceRequestError, interval_of, prove_request
from infra.evidence.records import EventNotFoundError
from infra.ports import free_port
from infra.settings import Settings
from infra.web import prove
from ledger_sink.errors import NotCoveredYetError, NotSealedError
from ledger_sink.format.layout import POLICY
from ledger_sink.prove.interval import ENDLESS, Interval
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.trust import load_trust
from schemas.codec import encode
from schemas.names import DATABASE
from schemas.tables import create_archive, create_database, create_table
from streams.clickhouse_sink.sink import SinkConfig
from streams.clickhouse_sink.sink import run as run_sink
from tests.harness.engine import with_credentials
from tests.harness.waiting import eventually
from tests.ledger_sink.running import CITY, Ledger, Running
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ledger_sink.verifier.verdict import Verdict
    from schemas.catalog import Catalog
    from tests.harness.engine import ClickHouse

STATIONS = ("Wanliu", "Dongsi", "Aotizhongxin")
EVENTS = 30


@dataclass
class Platform:
    """Topics, tables and a ledger of one catalogue, fed by the real sinks."""

    settings: Settings
    catalog: Catalog
    ledger: Ledger
    topic: str
    events: list[str]
    """Event ids, in the order of their offsets in partition 0."""

    def prove(self, **words: str) -> bytes:
        """Do what `city prove` does."""
        return self.prove_words(words)

    def prove_words(self, words: Mapping[str, str]) -> bytes:
        """The same with words that Python keeps for itself (from)."""
        return prove_request(self.settings, self.catalog, EvidenceRequest.of(words), 5.0).data

    def verdict(self, bundle: bytes) -> Verdict:
        """Verify under the ledger's own policy."""
        return check_bundle("b", bundle, load_trust(self.ledger.config.ledger / POLICY, [], []))


def events(catalog: Catalog, topic: str, count: int) -> tuple[list[str], list[tuple[str, bytes]]]:
    """Make events of three stations: their ids, and keys with values."""
    kind = catalog.topics[topic]
    example = next(iter(make_catalog_examples(kind.schema.id).values()))
    ids = [str(uuid.uuid4()) for _ in range(count)]
    records = [
        (STATIONS[n % 3], encode(kind.schema, {**example, "event_id": each, "station": STATIONS[n % 3]}))
        for n, each in enumerate(ids)
    ]
    return ids, records


def make_catalog_examples(schema_id: int) -> Mapping[str, dict[str, Any]]:
    """The packaged examples of a schema."""
    from schemas.catalog import load_catalog

    return load_catalog().examples[schema_id]


def send(platform_kafka: str, topic: str, records: list[tuple[str, bytes]]) -> None:
    """Produce into partition 0."""
    producer = Producer({"bootstrap.servers": platform_kafka, "acks": "all"})
    for key, value in records:
        producer.produce(topic, value, key, 0, headers=[("simulated", b"true")])
    assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def platform(
    kafka: str, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """Thirty events of three stations: tabled, archived, sealed, covered."""
    root = tmp_path_factory.mktemp("proving")
    catalog = make_catalog(f"p{uuid.uuid4().hex[:8]}")
    topic = next(each.name for each in catalog.topics.values() if each.event == "reading")
    client = clickhouse.client()
    for sql in (
        create_database(),
        create_archive(),
        *(create_table(each) for each in catalog.topics.values()),
    ):
        client.command(sql)
    ledger = Ledger(root, kafka, dict.fromkeys(catalog.topics, 2))
    ids, records = events(catalog, topic, EVENTS)
    send(kafka, topic, records)
    config = SinkConfig(
        kafka=kafka, url=clickhouse.url, user=clickhouse.user, password=clickhouse.password, database=DATABASE,
        group=f"proving-{uuid.uuid4().hex}", max_age_s=0.2,
    )  # fmt: skip
    running = [
        ledger.signer(), ledger.witness(), ledger.sink(),
        Running(lambda stop: run_sink(config, catalog, stop, lambda *_: None)).start(),
    ]  # fmt: skip
    door = with_credentials(clickhouse.url, clickhouse.user, clickhouse.password)
    settings = Settings(data=root, city=CITY, kafka=kafka, clickhouse=door)
    table = catalog.topics[topic].table
    try:
        sealed = {each: EVENTS if each == topic else 0 for each in catalog.topics}
        ledger.wait_covered(sealed)
        eventually(
            lambda: (
                client.query(f"SELECT count() FROM {DATABASE}.{table}").result_rows == [(EVENTS,)]
                and client.query(
                    f"SELECT count() FROM {DATABASE}.records WHERE topic = '{topic}'"
                ).result_rows
                == [(EVENTS,)]
            ),
            "the events are tabled and archived",
        )
        yield Platform(settings, catalog, ledger, topic, ids)
    finally:
        for each in reversed(running):
            each.stop.set()
        for each in reversed(running):
            each.end()
        client.command(f"DELETE FROM {DATABASE}.records WHERE topic = '{topic}'")
        for one in catalog.topics.values():
            client.command(f"DROP TABLE {DATABASE}.{one.table}")
        client.close()


def test_a_record_and_an_event_are_proved(platform: Platform) -> None:
    """By place and by event_id: the same bundle, and it verifies."""
    by_place = platform.prove(topic=platform.topic, partition="0", offset="7")
    assert platform.prove(event=platform.events[7]) == by_place
    verdict = platform.verdict(by_place)
    assert verdict.passed, verdict.text()
    assert (verdict.facts["offset"], verdict.facts["simulated"]) == (7, True)


def test_a_subjects_records_are_proved(platform: Platform) -> None:
    """A station's events, its partition found by the archive; in an interval of time and of offsets."""
    verdict = platform.verdict(platform.prove(topic=platform.topic, subject="Dongsi"))
    assert verdict.passed, verdict.text()
    assert verdict.facts["offsets"] == list(range(1, EVENTS, 3))
    assert verdict.facts["key"] == "Dongsi"
    words = {
        "topic": platform.topic,
        "subject": "Dongsi",
        "from": "2026-01-01T00:00:00Z",
        "to": "2999-01-01T00:00:00+09:00",
    }
    assert platform.verdict(platform.prove_words(words)).facts["offsets"] == list(range(1, EVENTS, 3))
    verdict = platform.verdict(platform.prove_words({**words, "from": "5", "to": "12"}))
    assert verdict.facts["offsets"] == [7, 10]
    whole = platform.prove_words({"topic": platform.topic, "partition": "0", "from": "5", "to": "12"})
    assert platform.verdict(whole).facts["offsets"] == list(range(5, 12))


def test_records_that_kafka_no_longer_has_come_from_the_archive(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past retention the archive stands in; the bundle is the same, byte for byte."""
    from_kafka = platform.prove(topic=platform.topic, subject="Dongsi")
    monkeypatch.setattr("infra.evidence.prove.KafkaSource.watermarks", lambda *_: (EVENTS, EVENTS))
    assert platform.prove(topic=platform.topic, subject="Dongsi") == from_kafka


def test_what_cannot_be_proved_is_said(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown events, topics, subjects; intervals with nothing in them; offsets to come."""
    with pytest.raises(EventNotFoundError):
        platform.prove(event=str(uuid.uuid4()))
    with pytest.raises(EventNotFoundError):
        platform.prove(event="nonsense")
    with pytest.raises(EvidenceRequestError, match="no such topic"):
        platform.prove(topic="no.topic", partition="0", offset="1")
    with pytest.raises(NotSealedError, match="that key"):
        platform.prove(topic=platform.topic, subject="Nowhere")
    monkeypatch.setattr(proving, "end_of", lambda *_: 501)
    waiting = EvidenceRequest.of({"topic": platform.topic, "partition": "0", "offset": "500"})
    with pytest.raises(NotCoveredYetError):
        prove_request(platform.settings, platform.catalog, waiting, 0.0)


@pytest.mark.parametrize(
    "words",
    [
        {"partition": "0", "offset": str(EVENTS)},
        {"partition": "1", "offset": "0"},
        {"partition": "0", "from": str(EVENTS)},
    ],
)
def test_a_record_behind_the_end_is_not_waited_for(platform: Platform, words: dict[str, str]) -> None:
    """There is no such record, and the message says where the partition ends: 404, not 409 for ever."""
    began = time.monotonic()
    with pytest.raises(NotSealedError, match=rf"no such record; .*({EVENTS}|none)$"):
        prove_request(
            platform.settings, platform.catalog, EvidenceRequest.of({"topic": platform.topic, **words}), 60.0
        )
    assert time.monotonic() - began < 30


def test_an_interval_that_begins_in_the_future_is_refused(platform: Platform) -> None:
    """Nobody waits for it, either."""
    with pytest.raises(EvidenceRequestError, match="future"):
        platform.prove_words({"topic": platform.topic, "partition": "0", "from": "2290-01-01T00:00:00Z"})


def test_a_record_that_kafka_no_longer_has_comes_from_the_archive(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record past retention is proved as an interval is."""
    words = {"topic": platform.topic, "partition": "0", "offset": "7"}
    from_kafka = platform.prove_words(words)
    monkeypatch.setattr(records_of, "fetch_from", lambda *_: None)
    assert platform.prove_words(words) == from_kafka


def test_a_kafka_that_does_not_answer_is_not_a_record_that_is_not_there(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as an error nor over HTTP, where it is 503 and not 404."""
    monkeypatch.setattr(records_of, "FETCH_S", 0.3)
    off = replace(platform, settings=replace(platform.settings, kafka="127.0.0.1:9"))
    words = {"topic": platform.topic, "partition": "0", "offset": "7"}
    with pytest.raises(PartDownError, match=r"did not answer .* unknown"):
        off.prove_words(words)
    with pytest.raises(PartDownError, match="unknown"):
        off.prove_words({**words, "offset": "500"})
    with page(off) as url:
        status, headers, body = get(url, words)
    assert (status, "retry-after" in headers) == (503, True), body


def test_a_subject_in_two_partitions_asks_for_one(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was produced into several partitions: the message counts them."""
    monkeypatch.setattr(proving, "connect", lambda _: TwoPartitions())
    with pytest.raises(EvidenceRequestError, match=r"0 \(3 records\), 1 \(4 records\)"):
        platform.prove(topic=platform.topic, subject="Dongsi")


class TwoPartitions:
    """An archive in which a key stands in two partitions."""

    result_rows = ((0, 3), (1, 4))

    def query(self, *_: object, **__: object) -> TwoPartitions:
        """Answer."""
        return self

    def close(self) -> None:
        """Nothing to close."""


@contextmanager
def page(platform: Platform) -> Iterator[str]:
    """The route behind the web process's real server."""
    port = free_port()
    app = Starlette(routes=[prove.route(platform.settings, platform.catalog)])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, "the page listens")
        yield f"http://127.0.0.1:{port}/prove"
    finally:
        server.should_exit = True
        thread.join()


def get(url: str, words: Mapping[str, str], **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """Ask; status, headers, body."""
    answer = httpx.get(
        url, params=[*httpx.URL(url).params.multi_items(), *words.items()], headers=headers, timeout=30
    )
    return answer.status_code, answer.headers, answer.content


def test_bundles_come_over_http(platform: Platform) -> None:
    """The same bytes as `city prove` writes, with a type and a file name, and no cache keeps them."""
    with page(platform) as url:
        for words in (
            {"topic": platform.topic, "partition": "0", "offset": "7"},
            {"event": platform.events[7]},
            {"topic": platform.topic, "subject": "Wanliu", "from": "3", "to": "20"},
        ):
            status, headers, body = get(url, words)
            assert status == 200, body
            assert headers["content-type"] == "application/vnd.city-evidence+zip"
            assert headers["content-disposition"].startswith('attachment; filename="')
            assert headers["cache-control"] == "no-store"
            assert body == platform.prove_words(words)


def test_errors_over_http_are_told_apart(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 what is wrong with the question, 403 who asks, 404 what there is not, 409 what is to come and when."""
    place = {"topic": platform.topic, "partition": "0"}
    with page(platform) as url:
        for words, expected in (
            ({}, 400), (place, 400), ({**place, "offset": "x"}, 400), ({**place, "offset": "-1"}, 400),
            ({"nonsense": "1"}, 400), ({**place, "from": "5", "to": "5"}, 400), ({"event": "x", **place}, 400),
            ({"event": str(uuid.uuid4())}, 404), ({"topic": "no.topic", "partition": "0", "offset": "0"}, 404),
            ({"topic": platform.topic, "partition": "9", "offset": "0"}, 404), ({**place, "offset": "500"}, 404),
            ({**place, "offset": "30"}, 409),
        ):  # fmt: skip
            monkeypatch.setattr(proving, "end_of", lambda *_: EVENTS + 1)
            status, headers, body = get(url, words)
            assert status == expected, (words, body)
            assert json.loads(body)["error"]
            assert headers["cache-control"] == "no-store"
            assert ("retry-after" in headers) is (expected == 409)
        good = {**place, "offset": "7"}
        assert get(url, good, Host="evil.example")[0] == 403
        assert get(url.replace("127.0.0.1", "localhost"), good)[0] == 200
        assert get(f"{url}?offset=7", good)[0] == 400


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, Interval()),
        ("5", None, Interval(5, ENDLESS)),
        (None, "5", Interval(0, 5)),
        ("1970-01-01T00:00:01Z", "1970-01-01T01:00:01+01:00", None),
        ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02.5Z", Interval(1000, 2500, by_time=True)),
        ("5", "1970-01-01T00:00:02Z", None),
        ("5", "4", None),
        ("2026-11-22T10:00:00", None, None),
        ("yesterday", None, None),
        ("-5", None, None),
        ("99999999999999999999", None, None),
    ],
)
def test_bounds_are_times_with_a_zone_or_offsets(
    start: str | None, end: str | None, expected: Interval | None
) -> None:
    """Both of one kind, from before to; anything else is refused in words."""
    if expected is None:
        with pytest.raises(EvidenceRequestError):
            interval_of(start, end)
    else:
        assert interval_of(start, end) == expected
