"""Which errors of Kafka are a broken connection, so that a start tries again."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.kafka.admin import is_transport_failure
from infra.kafka.errors import TopicSetupError


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        (KafkaError._TRANSPORT, True),
        (KafkaError._ALL_BROKERS_DOWN, True),
        (KafkaError.INVALID_PARTITIONS, False),
    ],
)
def test_a_broken_connection_is_found_below_our_own_errors(code: int, broken: bool) -> None:
    """As Kafka's client raises it, and as the cause of an error of ours."""
    error = KafkaException(KafkaError(code))
    assert is_transport_failure(error) is broken
    ours = TopicSetupError("topic t: refused")
    ours.__cause__ = error
    assert is_transport_failure(ours) is broken
    assert not is_transport_failure(TopicSetupError("topic t: refused"))
