"""AIS in a log of NMEA 0183 sentences → positions and messages. Pure.

One source record is one sentence group: the one to nine `!..VDM` or `!..VDO` sentences of one message. Comments
(`#`), blank lines and other NMEA sentences are none. A group ends with its last sentence; it is refused when a
sentence is missing, its checksum is wrong or its payload is no message.

A group before the log's first time takes that first time, flagged `TIME_OF_LATER_FIX`; in a log that tells no time
at all, occurred_at is 1970-01-01T00:00Z, flagged `NO_TIME`. Nothing is guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from streams.domains.cargo.ais_clock import fix_time, own_time
from streams.domains.cargo.ais_message import decode, fields_of
from streams.domains.cargo.rule_violation import BrokenRule
from streams.readers.delimited import LONGEST_LINE
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped

NAME = "ais-nmea"
NO_TIME, LATER_FIX = "NO_TIME", "TIME_OF_LATER_FIX"

LONGEST_WAIT = 10_000
"""Lines that are held back for a first time."""

OPEN_LINES = 2_000
"""Lines after which a group whose sentences did not all come is given up."""

_SENTENCE = re.compile(
    rb"!(?P<talker>..)(?P<kind>VDM|VDO),(?P<total>[1-9]),(?P<number>[1-9]),(?P<group>\d?),(?P<channel>[^,*]*),"
    rb"(?P<payload>[^,*]*),(?P<fill>[0-5])\*(?P<checksum>[0-9A-Fa-f]{2})"
)
_CHECKSUM = re.compile(rb"[!$]([^*]*)\*([0-9A-Fa-f]{2})")
_TAG_BLOCK = re.compile(rb"\\[^\\]*\\")
_HEAD_LINES = 20


class Sentence(NamedTuple):
    """One AIS sentence of the log."""

    line: int
    data: bytes
    text: bytes
    total: int
    number: int
    channel: str
    key: tuple[bytes, ...]
    own_us: int | None


@dataclass
class _Log:
    """What is known while a log is read."""

    clock_us: int | None = None
    records: int = 0
    open: dict[tuple[bytes, ...], list[Sentence]] = field(default_factory=dict)

    def next_record(self) -> int:
        self.records += 1
        return self.records


def matches(head: bytes) -> bool:
    """Tell whether a file begins like an NMEA log that holds AIS."""
    lines = [each for each in head.splitlines() if each.strip() and not each.startswith(b"#")]
    begins = all(each.startswith((b"!", b"$", b"\\")) for each in lines[:_HEAD_LINES])
    return bool(lines) and begins and re.search(rb"!..VD[MO],", head) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log, one item per sentence group and per line that holds none."""
    log = _Log()
    waiting: list[Item] = []
    for item in _items(stream, log):
        if waiting or (log.clock_us is None and _lacks_time(item)):
            waiting.append(item)
            if log.clock_us is not None or len(waiting) >= LONGEST_WAIT:
                yield from (_timed(each, log.clock_us) for each in waiting)
                waiting.clear()
        else:
            yield item
    yield from waiting


def _lacks_time(item: Item) -> bool:
    return isinstance(item, Accepted) and NO_TIME in item.drafts[0].fields["flags"]


def _timed(item: Item, clock_us: int | None) -> Item:
    """Give an item that waited the first time that came."""
    if clock_us is None or not isinstance(item, Accepted) or not _lacks_time(item):
        return item
    draft = item.drafts[0]
    flags = [LATER_FIX if each == NO_TIME else each for each in draft.fields["flags"]]
    timed = EventDraft(draft.topic, clock_us, {**draft.fields, "flags": flags})
    return Accepted(item.record, item.line, item.data, (timed,))


def _items(stream: BinaryIO, log: _Log) -> Iterator[Item]:
    number = 0
    while data := stream.readline(LONGEST_LINE):
        number += 1
        yield from _line(log, number, data.rstrip(b"\r\n"))
        if log.open:
            yield from _given_up(log, number - OPEN_LINES)
    yield from _given_up(log, number)


def _line(log: _Log, number: int, data: bytes) -> Iterator[Item]:
    text = _TAG_BLOCK.sub(b"", data, count=1) if data.startswith(b"\\") else data
    if not text.strip() or text.startswith((b"#", b"$")):
        if text.startswith(b"$") and _checksum_fits(text):
            log.clock_us = fix_time(text) or log.clock_us
        yield Skipped(number)
        return
    try:
        sentence = _sentence(number, data, text)
    except BrokenRule as error:
        yield Refused(log.next_record(), number, data, str(error), error.rule)
        return
    if sentence is None:
        yield Skipped(number)
    else:
        yield from _grouped(log, sentence)


def _sentence(number: int, data: bytes, text: bytes) -> Sentence | None:
    """Read an AIS sentence; None for an encapsulated sentence of another kind."""
    match = _SENTENCE.match(text)
    if match is None:
        if re.match(rb"![A-Z]{2}(?!VD[MO],)[A-Z]{3},", text):
            return None
        raise BrokenRule("ais-sentence@1", "expected !--VDM or !--VDO with its seven fields and a checksum")
    if not _checksum_fits(text):
        told = match["checksum"].decode().upper()
        raise BrokenRule("ais-checksum@1", f"checksum: expected {_checksum(match[0]):02X}, got {told}")
    total, part = int(match["total"]), int(match["number"])
    if part > total:
        raise BrokenRule("ais-sentence@1", f"sentence {part} of {total}")
    key = (match["talker"], match["kind"], match["total"], match["group"], match["channel"])
    channel = match["channel"].decode("ascii", "replace")
    return Sentence(number, data, match[0], total, part, channel, key, own_time(data))


def _grouped(log: _Log, sentence: Sentence) -> Iterator[Item]:
    if sentence.number == 1:
        if sentence.total > 1 and (stale := log.open.pop(sentence.key, None)):
            yield _incomplete(log, stale)
        group = [sentence]
    else:
        found = log.open.pop(sentence.key, None)
        if found is None or len(found) != sentence.number - 1:
            yield _incomplete(log, [*(found or ()), sentence])
            return
        group = [*found, sentence]
    if len(group) < sentence.total:
        log.open[sentence.key] = group
        return
    yield _message(log, group)


def _message(log: _Log, group: list[Sentence]) -> Item:
    record, data = log.next_record(), b"\n".join(each.data for each in group)
    try:
        topic, fields = fields_of(decode([each.text for each in group]), group[0].channel or None)
    except BrokenRule as error:
        return Refused(record, group[0].line, data, str(error), error.rule)
    own = next((each.own_us for each in group if each.own_us is not None), None)
    time_us = log.clock_us if own is None else own
    if time_us is None:
        time_us, fields["flags"] = 0, [*fields["flags"], NO_TIME]
    return Accepted(record, group[0].line, data, (EventDraft(topic, time_us, fields),))


def _incomplete(log: _Log, group: list[Sentence]) -> Refused:
    data = b"\n".join(each.data for each in group)
    numbers = ", ".join(str(each.number) for each in group)
    reason = f"expected sentences 1 to {group[0].total} in order, got {numbers}"
    return Refused(log.next_record(), group[0].line, data, reason, "ais-group@1")


def _given_up(log: _Log, before_line: int) -> Iterator[Item]:
    for key in [key for key, group in log.open.items() if group[0].line <= before_line]:
        yield _incomplete(log, log.open.pop(key))


def _checksum_fits(text: bytes) -> bool:
    match = _CHECKSUM.match(text)
    return match is not None and _checksum(text) == int(match[2], 16)


def _checksum(text: bytes) -> int:
    """XOR of everything between the first character and the star (NMEA 0183)."""
    found = 0
    for each in text[1 : text.index(b"*")]:
        found ^= each
    return found
