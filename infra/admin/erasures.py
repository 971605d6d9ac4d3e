"""Erases a person from a stack, and applies all erasures again at each start, before anything that decrypts runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.connections import connect
from infra.layer_configs import streams_config
from schemas.names import DATABASE, topic_name

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.privacy.erasure import Erasure
    from streams.privacy.reapply import Reapplied

TOPIC = topic_name("platform", "erasure")
SOURCE = "urn:city:forget"


def forget_person(settings: Settings, topics: Catalog, person: str, ground: str) -> tuple[str, ...]:
    """Delete a person's keys, and send `platform.erasure` events; return the names of the deleted keys.

    The erasure is noted on disk before it begins. If the process dies, or Kafka does not take the events, the next
    start of the stack finishes it.

    Args:
        settings: The stack.
        topics: Its catalogue.
        person: The name under which the sources know them, or a pseudonym.
        ground: The legal ground; kept in the events.
    """
    from streams.privacy.erasure import erase, planned
    from streams.privacy.erasure_journal import note
    from streams.produce.kafka import Producer

    config = streams_config(settings)
    with Producer(config, topics) as producer:
        erasures = planned(config.keys, topics, person)
        events = [_event(each, ground) for each in erasures]
        for event in events:
            producer.prepare(TOPIC, event)  # an event that the catalogue refuses must not be noted
        for event in events:
            note(config.keys, event)
        erase(config.keys, (each.subject for each in erasures))
        for event in events:
            producer.produce(TOPIC, event)
        producer.flush()
    return tuple(key for each in erasures for key in each.keys)


def reapply_erasures(settings: Settings, topics: Catalog) -> Reapplied:
    """Destroy the keys of all erased subjects again, and send noted erasures that Kafka lacks.

    It reads `platform.erasure` in Kafka, its table in ClickHouse, and the notes beside the keys. The topic and the
    table exist already.

    Args:
        settings: The stack.
        topics: Its catalogue.

    Raises:
        KafkaDownError: Kafka does not answer.
        StopError: A note cannot be read.
        DeliveryError: Kafka does not take an event; the next start sends it.
    """
    from streams.privacy.reapply import reapply
    from streams.produce.kafka import Producer

    config = streams_config(settings)
    client = connect(settings)
    try:
        table = f"{DATABASE}.{topics.topics[TOPIC].table}"
        known = [row[0] for row in client.query(f"SELECT DISTINCT subject FROM {table}").result_rows]
    finally:
        client.close()
    done = reapply(config, topics, known)
    if done.unsent:
        with Producer(config, topics) as producer:
            for event in done.unsent:
                producer.produce(TOPIC, event)
            producer.flush()
    return done


def _event(erasure: Erasure, ground: str) -> dict[str, Any]:
    from streams.identity.event_ids import device_id, device_salt

    now_us = time.time_ns() // 1000
    return {
        "event_id": device_id(now_us // 1000),
        "salt": device_salt(),
        "source": SOURCE,
        "occurred_at": now_us,
        "recorded_at": None,
        "subject": erasure.subject,
        "ground": ground,
        "keys": list(erasure.keys),
    }
