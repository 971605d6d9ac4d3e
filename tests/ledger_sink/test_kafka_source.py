"""What the ledger makes of Kafka's answers."""

import pytest
from confluent_kafka import Uuid

from ledger_sink.kafka_source import id_bytes


@pytest.mark.parametrize(
    ("high", "low"),
    [(0, 0), (-1, -1), (1, -2), (-(2**63), 2**63 - 1), (-0x0123456789ABCDEF, 0x0FEDCBA987654321)],
)
def test_a_topic_id_is_its_two_signed_halves(high: int, low: int) -> None:
    """Sixteen bytes, big-endian, whatever their signs."""
    assert id_bytes(Uuid(high, low)) == b"".join(half.to_bytes(8, "big", signed=True) for half in (high, low))
