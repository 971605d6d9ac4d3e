"""The partition of a key, as Java clients and our producer choose it (Kafka's `Utils.murmur2`).

A signature cannot cover the partition, which Kafka assigns. So a signed record could be copied into another partition,
which has no history of it. There the check refuses it, because the partition is not its key's.
"""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key.

    Args:
        key: Key of a record.
        partitions: Number of the topic's partitions, at least 1.
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
