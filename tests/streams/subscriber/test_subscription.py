"""A subscriber at the real SASL listener: granted topics are read, each event at least once, the rest is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.kafka.access import settle_grants
from infra.kafka.admin import connect
from ledger_sink.format.leaf import CanonicalRecord, canon
from schemas.names import CLICKHOUSE_SINK_GROUP
from streams.errors import KafkaDownError
from streams.subscriber import Subscription
from streams.subscriber.errors import (
    GroupRefusedError,
    LoginRefusedError,
    SubscriberError,
    TopicRefusedError,
)
from streams.subscriber.subscription import QuietTimer
from tests.infra.kafka.clients import create_topic

if TYPE_CHECKING:
    from schemas.catalog import Catalog
    from streams.subscriber import Event, Start
    from tests.streams.subscriber.conftest import Shared

REPOSITORY = Path(__file__).parents[3]
WAIT_S = 30.0


def read(events: Subscription, count: int) -> list[Event]:
    """Read and handle so many events, or fail."""
    found: list[Event] = []
    while len(found) < count:
        event = events.poll(WAIT_S)
        assert event is not None, f"{len(found)} of {count} events"
        found.append(event)
        events.handled(event)
    return found


def test_granted_topic_is_read_as_typed_events_with_their_coordinates(
    shared: Shared, catalog: Catalog
) -> None:
    """Fields by the schema each value names; topic, partition, offset and time of receipt as the ledger has them."""
    shared.send(shared.value, shared.value)
    with Subscription(shared.connection, catalog) as events:
        assert events.granted == (shared.granted,)
        first, second = read(events, 2)
    assert [each.position for each in (first, second)] == [(shared.granted, 0, 0), (shared.granted, 0, 1)]
    assert first.fields is not None
    assert first.fields["trigger"] == "DELTA_V_150_MS"
    assert first.schema is catalog.topics["vehicle.accident"].schema
    assert first.received_at.year > 2024
    assert first.timestamp_type == 1
    assert CanonicalRecord.parse(canon(*first.raw)).value == shared.value


def test_a_record_that_no_schema_reads_is_told_and_not_dropped(shared: Shared, catalog: Catalog) -> None:
    """The next event comes as well."""
    shared.send(b"not framed", shared.value)
    with Subscription(shared.connection, catalog) as events:
        broken, whole = read(events, 2)
    assert broken.fields is None
    assert "no magic byte" in broken.problem
    assert broken.value == b"not framed"
    assert whole.problem == ""


def test_topic_that_was_not_granted_is_refused_in_one_line(shared: Shared, catalog: Catalog) -> None:
    """By Kafka, before anything is read; the line names user, topic and what is granted."""
    with pytest.raises(TopicRefusedError) as caught:
        Subscription(shared.connection, catalog, [shared.granted, shared.closed])
    user = shared.connection.user
    assert str(caught.value) == (
        f"{user} may not read {shared.closed}: refused by Kafka; granted are {shared.granted}"
    )


def test_topic_that_is_not_there_is_refused_like_one_that_is(shared: Shared, catalog: Catalog) -> None:
    """A subscriber does not learn which topics exist."""
    with pytest.raises(TopicRefusedError, match="refused by Kafka"):
        Subscription(shared.connection, catalog, ["health.no-such-topic"])


def test_granted_topic_that_is_gone_is_told(shared: Shared, catalog: Catalog) -> None:
    """A grant without its topic is no refusal."""
    settle_grants(connect(shared.kafka), shared.connection.user, [shared.granted, "sharing.gone"])
    with pytest.raises(SubscriberError, match=r"sharing\.gone"):
        Subscription(shared.connection, catalog, ["sharing.gone"])


def test_group_of_others_is_refused(shared: Shared, catalog: Catalog) -> None:
    """The platform's groups cannot be joined, so nobody's offsets can be moved."""
    with (
        Subscription(shared.connection, catalog, group=CLICKHOUSE_SINK_GROUP) as events,
        pytest.raises(GroupRefusedError, match=f"{CLICKHOUSE_SINK_GROUP}: refused by Kafka"),
    ):
        events.poll(WAIT_S)


def test_wrong_password_is_refused(shared: Shared, catalog: Catalog) -> None:
    """One line with user and address, without the password."""
    wrong = replace(shared.connection, password="wrong horse")
    with pytest.raises(LoginRefusedError) as caught:
        Subscription(wrong, catalog)
    assert shared.connection.user in str(caught.value)
    assert "horse" not in f"{caught.value} {wrong!r}"


def test_kafka_that_does_not_answer_is_told(
    shared: Shared, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr("streams.subscriber.subscription.REQUEST_S", 1.0)
    with pytest.raises(KafkaDownError, match=r"127\.0\.0\.1:9 "):
        Subscription(replace(shared.connection, address="127.0.0.1:9"), catalog)


def test_revoked_grant_is_gone_while_reading_and_afterwards(shared: Shared, catalog: Catalog) -> None:
    """A subscriber that is connected is refused too, and what stays granted stays readable."""
    other = f"{shared.granted}-too"
    create_topic(shared.kafka, other)
    admin = connect(shared.kafka)
    assert settle_grants(admin, shared.connection.user, [shared.granted, other]) == 0
    shared.send(shared.value)
    with Subscription(shared.connection, catalog, [shared.granted]) as events:
        read(events, 1)
        assert settle_grants(admin, shared.connection.user, [other]) == 2
        shared.send(shared.value)
        with pytest.raises(TopicRefusedError, match=f"granted are {other}"):
            read(events, 9)
    with pytest.raises(TopicRefusedError):
        Subscription(shared.connection, catalog, [shared.granted])
    with Subscription(shared.connection, catalog) as events:
        assert events.topics == (other,)
    assert settle_grants(admin, shared.connection.user, [other]) == 0


KILLED = """
import os, sys
from schemas.catalog import load_catalog
from streams.subscriber import Connection, Subscription
address, user, password, handled = sys.argv[1:]
quick = {"session.timeout.ms": "3000", "heartbeat.interval.ms": "500"}
events = Subscription(Connection(address, user, password, quick), load_catalog())
for event in events:
    if event.position.offset < int(handled):
        events.handled(event)
        continue
    print(event.position.offset, flush=True)
    events._consumer.commit(asynchronous=False) if int(handled) else None
    os._exit(9)
"""


@pytest.mark.parametrize("handled", [0, 1])
def test_event_of_a_reader_killed_between_handling_and_commit_comes_again(
    shared: Shared, catalog: Catalog, handled: int
) -> None:
    """What was not said to be handled is delivered again; what was committed is not."""
    shared.send(shared.value, shared.value, shared.value)
    where = shared.connection
    done = subprocess.run(
        [sys.executable, "-c", KILLED, where.address, where.user, where.password, str(handled)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (9, str(handled)), done.stderr
    with Subscription(shared.connection, catalog) as events:
        assert [each.position.offset for each in read(events, 3 - handled)] == [*range(handled, 3)]


def test_next_reader_goes_on_where_the_last_one_left_off(shared: Shared, catalog: Catalog) -> None:
    """What was handled is committed at the end; what was only seen is not."""
    shared.send(shared.value, shared.value, shared.value)
    with Subscription(shared.connection, catalog) as events:
        read(events, 1)
        assert events.poll(WAIT_S) is not None
    with Subscription(shared.connection, catalog) as events:
        assert [each.position.offset for each in read(events, 2)] == [1, 2]


@pytest.mark.parametrize(("start", "expected"), [("left-off", 2), ("beginning", 0), ("now", 3)])
def test_start_says_where_to_begin(shared: Shared, catalog: Catalog, start: Start, expected: int) -> None:
    """Where the group left off, at the beginning, or behind everything there is."""
    shared.send(shared.value, shared.value, shared.value)
    with Subscription(shared.connection, catalog) as events:
        read(events, 2)
    with Subscription(shared.connection, catalog, start=start) as events:
        if start == "now":
            assert events.poll(5) is None
            shared.send(shared.value)
        (event,) = read(events, 1)
    assert event.position.offset == expected


def test_two_members_of_a_group_share_what_comes(shared: Shared, catalog: Catalog) -> None:
    """A second member takes over unhandled events of the first when that leaves."""
    shared.send(shared.value, shared.value)
    first = Subscription(shared.connection, catalog, start="beginning")
    assert first.poll(WAIT_S) is not None
    with Subscription(shared.connection, catalog) as second:
        first.close()
        assert [each.position.offset for each in read(second, 2)] == [0, 1]


def test_aborted_transactions_are_never_seen(shared: Shared, catalog: Catalog) -> None:
    """read_committed: a record of an aborted transaction is skipped, the one behind it is read."""
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": shared.kafka, "transactional.id": shared.granted, "log_level": "0"}
    )
    producer.init_transactions(30)
    for value, end in ((b"aborted", producer.abort_transaction), (shared.value, producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(shared.granted, value)
        producer.flush(10)
        end(30)
    with Subscription(shared.connection, catalog) as events:
        (event,) = read(events, 1)
    assert event.value == shared.value


def test_a_reader_that_waits_says_so_once(
    shared: Shared, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After some seconds without an event: the group, up to where it has read, and how to read everything."""
    monkeypatch.setattr("streams.subscriber.subscription.QUIET_S", 0.0)
    shared.send(shared.value)
    with Subscription(shared.connection, catalog) as events:
        read(events, 1)
    with Subscription(shared.connection, catalog) as events:
        words = ""
        for _ in range(60):
            assert events.poll(0.5) is None
            words = events.nothing_new()
            if "offset 1" in words:
                break
        assert words == f"group {events.group}: nothing new since {shared.granted}/0 offset 1, waiting"
        quiet = QuietTimer()
        assert [quiet.is_due() for _ in range(3)] == [True, False, False]
        quiet.reset()
        assert quiet.is_due()
        polled = iter([None, None])
        monkeypatch.setattr(events, "poll", lambda: next(polled))
        with pytest.raises(RuntimeError):
            next(iter(events))
    assert [record.message for record in caplog.records] == [f'{words}; start="beginning" reads everything']
