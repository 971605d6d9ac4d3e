"""The catalogue's topics on a cluster: created once, with the catalogue's settings.

After `ensure_topics` every catalogue topic exists with the catalogue's partitions, retention, `cleanup.policy=delete`
and `message.timestamp.type=LogAppendTime`, and each partition's leader answers. A topic with another number of
partitions is refused and never changed: keys would move, and each partition has its own sealed log. A topic that was
compacted is set back, and a line says so: Kafka may have removed records. Other topics (a stream processor's own,
another program's) are left alone.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from infra.kafka.admin import REQUEST_S, cluster_id, connect, reason
from infra.kafka.errors import PartitionMismatchError, TopicSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schemas.model import Catalog, Topic

_DAY_MS = 24 * 3600 * 1000
_VISIBLE_S = 30.0
FIRST_ANSWER_S = 15.0
_POLICY = "cleanup.policy"


def to_stderr(line: str) -> None:
    """Write a line for the operator."""
    print(f"kafka: {line}", file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True)
class TopicDescription:
    """A topic as the cluster describes it.

    Attributes:
        name: Its name.
        topic_id: Its id as Kafka's tools print it; a topic that is deleted and created again has another.
        partitions: Number of partitions.
    """

    name: str
    topic_id: str
    partitions: int


def topic_settings(topic: Topic) -> dict[str, str]:
    """Return the settings that the catalogue prescribes for a topic, under Kafka's names."""
    return {
        _POLICY: "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(topic.retention_days * _DAY_MS),
    }


def ensure_topics(
    bootstrap: str,
    catalog: Catalog,
    partitions: int = 2,
    replication: int = 1,
    client: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = to_stderr,
) -> dict[str, TopicDescription]:
    """Create the catalogue's topics, correct their settings, and return them as the cluster has them.

    Args:
        bootstrap: Address of the cluster, host:port.
        catalog: The topics that have to exist.
        partitions: Number of partitions of topics whose catalogue entry names none.
        replication: Number of copies of each partition, for topics created now.
        client: Further librdkafka settings, for a cluster with security.
        tell: Takes a line for the operator about each topic that was compacted.

    Raises:
        PartitionMismatchError: A topic has another number of partitions.
        TopicSetupError: The cluster refused a request or did not answer.
    """
    admin = connect(bootstrap, client)
    if cluster_id(admin, FIRST_ANSWER_S) is None:
        raise TopicSetupError(
            f"Kafka at {bootstrap} does not answer within {FIRST_ANSWER_S:g} s: "
            "start it, or name another with --kafka HOST:PORT"
        )
    wanted = catalog.topics
    missing = wanted.keys() - describe_topics(admin, wanted).keys()
    _create(admin, [wanted[name] for name in sorted(missing)], partitions, replication)
    found = _await_topics(admin, wanted)
    for name, topic in wanted.items():
        _require_partitions(found[name], topic.partitions or partitions)
    await_leaders(admin, {name: found[name].partitions for name in missing})
    existing = [topic for name, topic in wanted.items() if name not in missing]
    compacted = _compacted(admin, existing)
    _correct_settings(admin, existing)
    for name, policy in compacted.items():
        tell(
            f"topic {name}: {_POLICY} was {policy}, expected delete, and is set back; Kafka may have removed records: "
            "see docs/delivery.md#compacted-topics"
        )
    return found


def describe_topics(admin: Any, names: Iterable[str]) -> dict[str, TopicDescription]:
    """Return the named topics that exist, by name.

    Raises:
        TopicSetupError: The cluster refused or did not answer.
    """
    found: dict[str, TopicDescription] = {}
    futures = admin.describe_topics(TopicCollection(sorted(names)), request_timeout=REQUEST_S)
    for name, future in futures.items():
        try:
            description = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            raise TopicSetupError(f"topic {name} could not be described: {reason(error)}") from error
        found[name] = TopicDescription(name, str(description.topic_id), len(description.partitions))
    return found


def _create(admin: Any, topics: list[Topic], partitions: int, replication: int) -> None:
    if not topics:
        return
    new = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions or partitions,
            replication_factor=replication,
            config=topic_settings(topic),
        )
        for topic in topics
    ]
    for name, future in admin.create_topics(new, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            # Another starter was quicker: its topic is checked like any existing topic.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicSetupError(f"topic {name} could not be created: {reason(error)}") from error


def _await_topics(admin: Any, wanted: Iterable[str]) -> dict[str, TopicDescription]:
    """Wait until the brokers know what the controller created."""
    names = set(wanted)
    deadline = time.monotonic() + _VISIBLE_S
    while True:
        found = describe_topics(admin, names)
        if names <= found.keys():
            return found
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(names - found.keys()))
            raise TopicSetupError(f"created topics did not appear within {_VISIBLE_S:g} s: {missing}")
        time.sleep(0.05)


def await_leaders(admin: Any, partitions: Mapping[str, int]) -> None:
    """Wait until the leader of each partition answers; a broker learns that it leads only after the creation.

    Args:
        admin: A connected client.
        partitions: Number of partitions by topic.

    Raises:
        TopicSetupError: One did not answer in time.
    """
    waiting = [
        TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)
    ]
    deadline = time.monotonic() + _VISIBLE_S
    while waiting:
        asked = admin.list_offsets(dict.fromkeys(waiting, OffsetSpec.latest()), request_timeout=REQUEST_S)
        errors = {partition: future.exception() for partition, future in asked.items()}
        waiting = [partition for partition, error in errors.items() if error is not None]
        if not waiting:
            return
        first = waiting[0]
        if time.monotonic() > deadline:
            raise TopicSetupError(
                f"created partitions do not answer within {_VISIBLE_S:g} s: "
                f"{first.topic}/{first.partition}: {errors[first]}"
            )
        time.sleep(0.05)
        # librdkafka 2.16 may keep an answer without a leader for good: this makes it ask again.
        with contextlib.suppress(KafkaException):
            admin.list_topics(first.topic, timeout=REQUEST_S)


def _require_partitions(found: TopicDescription, expected: int) -> None:
    if found.partitions != expected:
        raise PartitionMismatchError(
            f"topic {found.name}: expected {expected} partitions, got {found.partitions}; the number cannot "
            "change once the topic is sealed: set the catalogue or the default to the cluster's number, "
            "or use another cluster"
        )


def _compacted(admin: Any, topics: list[Topic]) -> dict[str, str]:
    """Return the clean-up policy of each topic that has another one than `delete`."""
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics]
    if not resources:
        return {}
    found: dict[str, str] = {}
    for resource, future in admin.describe_configs(resources, request_timeout=REQUEST_S).items():
        try:
            policy = future.result()[_POLICY].value
        except KafkaException as error:
            raise TopicSetupError(
                f"topic {resource.name}: its settings could not be read: {reason(error)}"
            ) from error
        if policy != "delete":
            found[resource.name] = policy
    return found


def _correct_settings(admin: Any, topics: list[Topic]) -> None:
    """Set the catalogue's settings on topics that existed before."""
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in topic_settings(topic).items()
            ],
        )
        for topic in topics
    ]
    if not resources:
        return
    for resource, future in admin.incremental_alter_configs(resources, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            raise TopicSetupError(
                f"topic {resource.name}: its settings could not be corrected: {reason(error)}"
            ) from error
