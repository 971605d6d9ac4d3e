"""Subscribers on the SASL listener: what was granted works, everything else is refused by the real broker."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaException

from infra.kafka.access import ensure_user, remove_user, revoke, settle_grants
from infra.kafka.admin import connect
from infra.kafka.errors import AccessSetupError
from schemas.names import CLICKHOUSE_SINK_GROUP
from streams.subscriber import Connection
from tests.infra.kafka.clients import create_topic, produce, read, subscribe_error

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def admin(kafka: str) -> Any:
    """An admin client of the platform's own listener, with an open and a closed topic beside it."""
    for topic in ("access.open", "access.closed"):
        create_topic(kafka, topic)
        assert produce({"bootstrap.servers": kafka}, topic, [b"one", b"two"]) == []
    return connect(kafka)


@pytest.fixture(scope="module")
def alice(admin: Any, kafka_sasl: str) -> dict[str, str]:
    """Settings of a subscriber who may read the open topic only."""
    ensure_user(admin, "alice", PASSWORD)
    settle_grants(admin, "alice", ["access.open"])
    return Connection(kafka_sasl, "alice", PASSWORD).settings()


def test_granted_topic_is_read(alice: dict[str, str]) -> None:
    """A subscriber reads what was granted, alone and as a group of the own prefix."""
    assert read({**alice, "group.id": "alice.one"}, "access.open", 2) == [b"one", b"two"]
    assert subscribe_error({**alice, "group.id": "alice.one"}, "access.open") == "none"


def test_topic_without_grant_is_refused(alice: dict[str, str]) -> None:
    """A topic that was not granted cannot be read."""
    assert (
        subscribe_error({**alice, "group.id": "alice.one"}, "access.closed") == "TOPIC_AUTHORIZATION_FAILED"
    )


def test_topic_without_grant_is_not_even_listed(alice: dict[str, str]) -> None:
    """Metadata shows a subscriber the granted topics only."""
    shown = connect(alice["bootstrap.servers"], alice).list_topics(timeout=10).topics
    assert set(shown) == {"access.open"}


def test_group_outside_the_prefix_is_refused(alice: dict[str, str]) -> None:
    """A subscriber cannot join the platform's groups."""
    told = subscribe_error({**alice, "group.id": CLICKHOUSE_SINK_GROUP}, "access.open")
    assert told == "GROUP_AUTHORIZATION_FAILED"


def test_writing_is_refused(alice: dict[str, str]) -> None:
    """A subscriber cannot write, not even to the granted topic."""
    plain = {**alice, "enable.idempotence": "false"}
    assert produce(plain, "access.open", [b"forged"]) == ["TOPIC_AUTHORIZATION_FAILED"]


def test_idempotent_writing_is_refused(alice: dict[str, str]) -> None:
    """Nor with an idempotent producer, whose very start is refused."""
    # The library raises it from its callback or around it, as the moment has it.
    with pytest.raises((KafkaException, SystemError)) as caught:
        produce({**alice, "message.timeout.ms": "3000"}, "access.open", [b"forged"], 5)
    assert "CLUSTER_AUTHORIZATION_FAILED" in f"{caught.value} {caught.value.__cause__}"


def test_administration_is_refused(alice: dict[str, str]) -> None:
    """A subscriber cannot create topics."""
    with pytest.raises(Exception, match=r"TOPIC_AUTHORIZATION_FAILED|CLUSTER_AUTHORIZATION_FAILED"):
        _create_as(alice)


def _create_as(settings: dict[str, str]) -> None:
    from confluent_kafka.admin import NewTopic

    admin = connect(settings["bootstrap.servers"], settings)
    admin.create_topics([NewTopic("access.mine", num_partitions=1)])["access.mine"].result(10)


def test_wrong_password_is_refused(alice: dict[str, str]) -> None:
    """A wrong password does not get in."""
    wrong = {**alice, "sasl.password": "wrong horse", "group.id": "alice.one"}
    assert subscribe_error(wrong, "access.open") == "_AUTHENTICATION"


def test_unknown_user_is_refused(kafka_sasl: str, admin: Any) -> None:
    """A user whom nobody created does not get in."""
    del admin
    unknown = {**Connection(kafka_sasl, "mallory", PASSWORD).settings(), "group.id": "mallory.one"}
    assert subscribe_error(unknown, "access.open") == "_AUTHENTICATION"


def test_removed_user_is_refused(admin: Any, kafka_sasl: str) -> None:
    """After removal neither the user nor the grants are left; removing twice is no error."""
    ensure_user(admin, "bob", PASSWORD)
    settle_grants(admin, "bob", ["access.open"])
    settings = {**Connection(kafka_sasl, "bob", PASSWORD).settings(), "group.id": "bob.one"}
    assert subscribe_error(settings, "access.open") == "none"
    remove_user(admin, "bob")
    assert revoke(admin, "bob") == 0
    assert subscribe_error(settings, "access.open") == "_AUTHENTICATION"
    remove_user(admin, "bob")


def test_new_password_replaces_the_old(admin: Any, kafka_sasl: str) -> None:
    """Giving a user a password again changes it."""
    ensure_user(admin, "carol", PASSWORD)
    settle_grants(admin, "carol", ["access.open"])
    ensure_user(admin, "carol", PASSWORD + "2")
    new = Connection(kafka_sasl, "carol", PASSWORD + "2").settings()
    assert read({**new, "group.id": "carol.one"}, "access.open", 2) == [b"one", b"two"]
    old = {**Connection(kafka_sasl, "carol", PASSWORD).settings(), "group.id": "carol.one"}
    assert subscribe_error(old, "access.open") == "_AUTHENTICATION"


@pytest.mark.parametrize("name", ["ANONYMOUS", "", "*", "a.b", "a b", "User:x", "ü", "x" * 64])
def test_name_that_means_more_is_refused(admin: Any, name: str) -> None:
    """The super user's name, wildcards and separators are no user names."""
    with pytest.raises(AccessSetupError, match="expected 1 to 63 letters"):
        ensure_user(admin, name, PASSWORD)
    with pytest.raises(AccessSetupError, match="expected 1 to 63 letters"):
        settle_grants(admin, name, ["access.open"])


def test_short_password_is_refused(admin: Any) -> None:
    """A password under eight characters is refused, and not repeated in the message."""
    with pytest.raises(AccessSetupError, match="8 characters or more, got 6") as caught:
        ensure_user(admin, "dave", "secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("topics", [["*"], [""], ["access.open", "*"]])
def test_grant_of_everything_is_refused(admin: Any, topics: list[str]) -> None:
    """All topics cannot be granted by a careless argument."""
    with pytest.raises(AccessSetupError, match="expected"):
        settle_grants(admin, "dave", topics)
