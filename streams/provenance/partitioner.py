"""In which partition a key lies: as Java clients and our producer place it (Kafka's `Utils.murmur2`).

A signature cannot cover the partition, which is Kafka's. So a signed record could be copied into another partition,
where nothing is remembered of it: there it is refused, for it is not where its key lies.
"""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key in a topic of so many partitions.

    Args:
        key: Key of a record.
        partitions: How many partitions the topic has, at least 1.
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
