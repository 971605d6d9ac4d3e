r"""Tag blocks before NMEA 0183 sentences: group, source and time of a sentence (NMEA 0183 4.10, section 7). Pure.

    \g:1-2-1234,s:r003669945,c:1120959341*hh\

A block ends with a checksum of its own. One that fails its checksum gives no time: any digit may be the wrong one. Its
group and source are still compared with those of other sentences; a wrong digit there finds no partner. Several blocks
may stand before a sentence; the last one is the receiver's, since relays put theirs in front.
"""

import re
from functools import reduce
from operator import xor
from typing import Final, NamedTuple

from streams.domains.cargo import log_times

CHECKSUM: Final = "TAG_BLOCK_CHECKSUM"
UNCHECKED: Final = "TAG_BLOCK_UNCHECKED"

_BLOCK = re.compile(rb"\\([^\\]*)\\")
_EPOCH = re.compile(log_times.EPOCH, re.ASCII)
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_GROUP = re.compile(rb"(\d{1,2})-(\d{1,2})-(\w{1,20})")
_DANISH_GROUP = re.compile(rb"(\d)G(\d)")


class TagBlocks(NamedTuple):
    """What the tag blocks of one sentence say.

    Attributes:
        time_us: Time of reception, µs since 1970 UTC, or None.
        group: Id of the group of sentences that it belongs to, or None.
        source: The receiving station, or None.
        flags: What is wrong with the blocks.
    """

    time_us: int | None = None
    group: bytes | None = None
    source: bytes | None = None
    flags: tuple[str, ...] = ()


NONE: Final = TagBlocks()


def parse(blocks: bytes) -> TagBlocks:
    """Parse the tag blocks of a sentence.

    Args:
        blocks: One or several blocks, each between two backslashes.
    """
    time_us: int | None = None
    group: bytes | None = None
    source: bytes | None = None
    flags: list[str] = []
    for match in _BLOCK.finditer(blocks):
        body, star, checksum = match[1].rpartition(b"*")
        if not star:
            body = match[1]
            flags.append(UNCHECKED)
        fails = bool(star) and not (_HEX.fullmatch(checksum) and checksum_of(body) == int(checksum, 16))
        if fails:
            flags.append(CHECKSUM)
        for field in body.split(b","):
            name, _, value = field.partition(b":")
            if name == b"c" and not fails:
                time_us, flag = _time(value)
                flags += [flag] if flag else []
            elif name == b"s":
                source = value
            elif name == b"g" and (found := _GROUP.fullmatch(value)):
                group = found[3]
            elif _DANISH_GROUP.fullmatch(name):
                group = value
    return TagBlocks(time_us, group, source, tuple(flags))


def checksum_of(data: bytes) -> int:
    """Return the XOR of all bytes (NMEA 0183)."""
    return reduce(xor, data, 0)


def _time(value: bytes) -> tuple[int | None, str | None]:
    match = _EPOCH.fullmatch(value.decode("ascii", "replace"))
    found = log_times.epoch_us(match["epoch"], match["part"]) if match else None
    return found, log_times.IMPLAUSIBLE if found is None else None
