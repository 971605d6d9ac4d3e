"""What the files say is what the cluster grants, at every start; and `city subscribe` as a subscriber runs it."""

from __future__ import annotations

import json
import stat
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from infra.admin.subscriber_access import give_access, password_file, password_of, where
from infra.cli import main
from infra.errors import DataDirectoryError
from infra.kafka.topics import ensure_topics
from infra.layer_configs import subscribers
from infra.settings import Ports, Settings, remember
from ledger_sink.format.leaf import canon
from schemas.codec import encode
from schemas.subscriber_grants import Subscriber
from streams.subscriber import Connection, Subscription
from streams.subscriber.errors import LoginRefusedError
from tests.infra.kafka.clients import create_topic, produce

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.catalog import Catalog

TOPIC = "vehicle.accident"


@pytest.fixture
def settings(tmp_path: Path, kafka: str, kafka_sasl: str) -> Settings:
    """A data directory over the shared broker."""
    return Settings(data=tmp_path / "city", kafka=kafka, sasl=kafka_sasl)


def subscriber(name: str, *topics: str) -> dict[str, Subscriber]:
    """Declare one subscriber."""
    return {name: Subscriber(name, "A test", "to see", ("insurer",), topics)}


def granted(settings: Settings, name: str, catalog: Catalog) -> tuple[str, ...]:
    """Ask Kafka, as the subscriber, what it may read."""
    where = Connection(settings.sasl, name, str(password_of(settings, name)))
    with Subscription(where, catalog) as events:
        return events.granted


def test_grants_follow_the_files_at_every_start(settings: Settings, kafka: str, catalog: Catalog) -> None:
    """A new topic is granted, one no longer named is revoked, one whose file is gone is not let in."""
    for topic in ("share.one", "share.two"):
        create_topic(kafka, topic)
    give_access(settings, subscriber("shop-one", "share.one"))
    assert granted(settings, "shop-one", catalog) == ("share.one",)
    give_access(settings, subscriber("shop-one", "share.one", "share.two"))
    assert granted(settings, "shop-one", catalog) == ("share.one", "share.two")
    give_access(settings, subscriber("shop-one", "share.two"))
    assert granted(settings, "shop-one", catalog) == ("share.two",)
    password = str(password_of(settings, "shop-one"))
    give_access(settings, subscriber("shop-two", "share.one"))
    assert not password_file(settings.data, "shop-one").exists()
    with pytest.raises(LoginRefusedError):
        Subscription(Connection(settings.sasl, "shop-one", password), catalog)


def test_password_is_made_once_and_only_the_owner_reads_it(
    settings: Settings, kafka: str, catalog: Catalog
) -> None:
    """A restart keeps it, so a subscriber need not be told again."""
    create_topic(kafka, "share.three")
    declared = subscriber("shop-three", "share.three")
    give_access(settings, declared)
    file = password_file(settings.data, "shop-three")
    first = file.read_text()
    give_access(settings, declared)
    assert file.read_text() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) >= 32
    assert granted(settings, "shop-three", catalog) == ("share.three",)


def test_cluster_of_somebody_else_is_left_alone_unless_its_listener_is_named(tmp_path: Path) -> None:
    """`--kafka` without CITY_SASL: no user, no grant, no password, and one line that says so."""
    settings = Settings(data=tmp_path, kafka="127.0.0.1:9")
    give_access(settings, subscriber("shop-four", "share.one"))
    assert "CITY_SASL" in where(settings, {})
    with pytest.raises(DataDirectoryError, match="no password of shop-four"):
        password_of(settings, "shop-four")


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, kafka_sasl: str, catalog: Catalog
) -> Settings:
    """The catalogue's topics and the declared subscribers on the shared broker, and one accident."""
    data = tmp_path_factory.mktemp("subscribers") / "city"
    settings = Settings(data=data, kafka=kafka, sasl=kafka_sasl, ports=Ports())
    remember(settings)
    ensure_topics(kafka, catalog)
    give_access(settings, subscribers(catalog))
    schema = catalog.topics[TOPIC].schema
    (example, *_) = catalog.examples[schema.id].values()
    assert produce({"bootstrap.servers": kafka}, TOPIC, [encode(schema, example)]) == []
    return settings


def city(settings: Settings, *words: str) -> Result:
    """Run `city subscribe WORDS`."""
    return CliRunner().invoke(main, ["subscribe", "--data", str(settings.data), *words])


def test_city_subscribe_prints_events_with_their_coordinates(stack: Settings, catalog: Catalog) -> None:
    """JSON lines: place, time, commitment as the ledger's format makes it from the record; handled once printed."""
    words = ("--as", "insurer-a", "--topic", TOPIC, "--group", "insurer-a.coordinates", "--timeout", "40")
    done = city(stack, *words, "--from", "beginning", "--count", "1", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["topic"], told["offset"], told["problem"]) == (TOPIC, 0, "")
    assert told["log"] == f"city.example/{TOPIC}/{told['partition']}"
    assert told["event"]["trigger"] == "DELTA_V_150_MS"
    connection = Connection(stack.sasl, "insurer-a", str(password_of(stack, "insurer-a")))
    with Subscription(connection, catalog, [TOPIC], group="insurer-a.other") as events:
        event = events.poll(30)
    assert event is not None
    assert told["commit"] == sha256(canon(*event.raw)).hexdigest()
    again = city(stack, *words[:-1], "6", "--count", "1")
    assert again.exit_code == 1
    waits, ended = again.stderr.splitlines()
    assert waits.startswith(f"city: group insurer-a.coordinates: nothing new since {TOPIC}/")
    assert waits.endswith("offset 1, waiting; `--from beginning` reads everything")
    assert ended == "city: got 0 of 1 events within 6 s"


def test_city_subscribe_in_words_names_place_and_commitment(stack: Settings) -> None:
    """For people: three lines an event, from a password file as on a machine elsewhere."""
    file = password_file(stack.data, "repair-shop-b")
    done = city(
        stack,
        *("--as", "repair-shop-b", "--kafka", stack.sasl, "--password-file", str(file)),
        *("--count", "1", "--timeout", "40"),
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{TOPIC}/")
    assert "  commit " in done.stdout


@pytest.mark.parametrize("topic", ["health.measurement", "vehicle.signal", "no.such"])
def test_city_subscribe_is_refused_elsewhere_by_kafka_in_one_line(stack: Settings, topic: str) -> None:
    """Exit 2; the line names who, what, and what is granted."""
    done = city(stack, "--as", "repair-shop-b", "--topic", topic)
    assert done.exit_code == 2
    assert done.stdout == ""
    line = f"repair-shop-b may not read {topic}: refused by Kafka; granted are {TOPIC}"
    assert done.stderr == f"city: {line}\n"


def test_city_subscribe_in_a_foreign_group_is_refused(stack: Settings) -> None:
    """The insurer cannot move the repair shop's offsets."""
    done = city(stack, "--as", "insurer-a", "--group", "repair-shop-b.reader", "--timeout", "30")
    assert done.exit_code == 2
    assert "may not use the consumer group repair-shop-b.reader: refused by Kafka" in done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "name the subscriber: --as NAME"),
        (("--as", "mallory"), "no subscriber is called mallory (declared are insurer-a, repair-shop-b)"),
        (("--as", "insurer-a", "--kafka", "x:1"), "--password-file FILE"),
    ],
)
def test_what_is_missing_is_told_in_one_line(stack: Settings, words: tuple[str, ...], line: str) -> None:
    """Exit 2, and what to do."""
    done = city(stack, *words)
    assert done.exit_code == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_lists_and_documents_are_printed(stack: Settings, catalog: Catalog) -> None:
    """`--list` shows who may read what; `--asyncapi` the document with this stack's addresses."""
    shown = json.loads(city(stack, "--list", "--json").stdout)
    assert {row["name"]: tuple(row["topics"]) for row in shown} == {
        name: each.topics for name, each in subscribers(catalog).items()
    }
    assert "insurer-a" in city(stack, "--list").stdout
    document = json.loads(city(stack, "--as", "insurer-a", "--asyncapi").stdout)
    assert document["servers"]["kafka"]["host"] == stack.sasl
