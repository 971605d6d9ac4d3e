"""The catalogue's topics on a real broker."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from infra.kafka.admin import connect
from infra.kafka.errors import PartitionMismatchError, TopicSetupError
from infra.kafka.topics import describe_topics, ensure_topics
from schemas.catalog import load_catalog
from schemas.model import Catalog, Domain
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from schemas.model import Topic


def renamed(prefix: str, **changes: Any) -> Catalog:
    """Return the real catalogue under other topic names, so that tests do not meet on the shared broker."""

    def change(topic: Topic) -> Topic:
        return dataclasses.replace(topic, name=f"{prefix}.{topic.name}", **changes)

    def of(domain: Domain) -> Domain:
        return dataclasses.replace(domain, topics=tuple(change(topic) for topic in domain.topics))

    return Catalog({name: of(domain) for name, domain in load_catalog().domains.items()})


def settings_of(bootstrap: str, topic: str) -> dict[str, str]:
    """Return a topic's settings as the broker has them."""
    admin = connect(bootstrap)
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(10).items()}


def test_every_catalogue_topic_is_created_as_declared(kafka: str) -> None:
    """Partitions, retention, clean-up and the time of arrival are what the catalogue and its contract say."""
    catalog = renamed("declared")
    found = ensure_topics(kafka, catalog, partitions=3)
    assert found.keys() == catalog.topics.keys()
    for name, topic in catalog.topics.items():
        assert found[name].partitions == (topic.partitions or 3)
        has = settings_of(kafka, name)
        assert has["retention.ms"] == str(topic.retention_days * 86_400_000)
        assert has["message.timestamp.type"] == "LogAppendTime"
        assert has["cleanup.policy"] == "delete"


def test_ensuring_twice_keeps_the_topics(kafka: str) -> None:
    """A second start finds the same topics with the same ids."""
    catalog = renamed("twice")
    assert ensure_topics(kafka, catalog) == ensure_topics(kafka, catalog)


def test_changed_retention_reaches_an_existing_topic(kafka: str) -> None:
    """What the catalogue says now holds, also for topics of an earlier start."""
    ensure_topics(kafka, renamed("retention", retention_days=3))
    catalog = renamed("retention", retention_days=5)
    ensure_topics(kafka, catalog)

    def retentions() -> set[str]:
        return {settings_of(kafka, name)["retention.ms"] for name in catalog.topics}

    # A broker learns of a change a moment after the controller.
    eventually(lambda: retentions() == {"432000000"}, retentions, every_s=0.02)


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_is_set_back_and_told(kafka: str, policy: str) -> None:
    """One line for the topic, none for the others; none at the next start."""
    catalog = renamed(f"policy{len(policy)}")
    ensure_topics(kafka, catalog)
    name = min(catalog.topics)
    change = ConfigResource(
        ResourceType.TOPIC,
        name,
        incremental_configs=[
            ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
        ],
    )
    admin = connect(kafka)
    (changed,) = admin.incremental_alter_configs([change]).values()
    changed.result(10)

    def has(value: str) -> bool:
        return sorted(settings_of(kafka, name)["cleanup.policy"].split(",")) == sorted(value.split(","))

    # A broker learns of a change a moment after the controller.
    eventually(lambda: has(policy), policy, every_s=0.02)
    told: list[str] = []
    ensure_topics(kafka, catalog, tell=told.append)
    assert len(told) == 1
    assert told[0].startswith(f"topic {name}: cleanup.policy was compact")
    assert "is set back" in told[0]
    eventually(lambda: has("delete"), "delete", every_s=0.02)
    ensure_topics(kafka, catalog, tell=told.append)
    assert len(told) == 1


def test_other_number_of_partitions_is_refused(kafka: str) -> None:
    """A topic whose partitions differ is named with both numbers, and stays as it is."""
    catalog = renamed("partitions", partitions=None)
    before = ensure_topics(kafka, catalog, partitions=2)
    with pytest.raises(PartitionMismatchError, match=r"topic partitions\..*expected 4 partitions, got 2"):
        ensure_topics(kafka, catalog, partitions=4)
    assert describe_topics(connect(kafka), catalog.topics) == before


def test_topic_ids_tell_a_deleted_and_created_topic_apart(kafka: str) -> None:
    """The same name created anew has another id."""
    catalog = renamed("anew")
    name = next(iter(catalog.topics))
    first = ensure_topics(kafka, catalog)[name]
    admin = connect(kafka)
    admin.delete_topics([name])[name].result(10)
    eventually(lambda: describe_topics(admin, [name]) == {}, f"{name} is gone", every_s=0.02)
    second = ensure_topics(kafka, catalog)[name]
    assert first.topic_id != second.topic_id


def test_refusal_of_the_cluster_is_one_clear_line(kafka: str) -> None:
    """More copies than brokers cannot be had: the topic and the cluster's reason are told."""
    with pytest.raises(TopicSetupError, match=r"topic copies\..* could not be created: .*replication"):
        ensure_topics(kafka, renamed("copies"), replication=3)
