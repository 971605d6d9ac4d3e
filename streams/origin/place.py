"""In which partition a key lies: murmur2, as Java clients and our producer have it (Kafka's `Utils.murmur2`).

A signature cannot cover the partition, which is Kafka's. So a signed record could be copied into another partition,
where nothing is remembered of it: there it is refused, for it is not where its key lies.
"""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash bytes as Kafka does; 32 bits, unsigned."""
    found = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        part = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        part = (part ^ part >> 24) * _M & _MASK
        found = (found * _M & _MASK) ^ part
    rest = data[whole:]
    if rest:
        found = (found ^ int.from_bytes(rest, "little")) * _M & _MASK
    found = (found ^ found >> 13) * _M & _MASK
    return found ^ found >> 15


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key in a topic of so many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
