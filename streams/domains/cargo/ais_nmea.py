"""AIS in a log of NMEA 0183 sentences → `cargo.vessel-position` and `cargo.vessel-message`. Pure.

One source record is one sentence group: the one to nine `!..VDM` or `!..VDO` sentences of one message. Comments
(`#`), blank lines and other NMEA sentences are skipped. A group ends with its last sentence. It is refused if a
sentence is missing, a checksum is wrong or the payload is no message.

A group before the log's first time takes that first time and the flag `TIME_OF_LATER_FIX`. In a log without any time
`occurred_at` is 1970-01-01T00:00Z, with the flag `NO_TIME`. No time is guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from streams.domains.cargo.ais_clock import fix_time, line_time
from streams.domains.cargo.ais_message import decode, fields_of
from streams.domains.cargo.rule_violation import RuleViolation
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE

NAME = "ais-nmea"
NO_TIME, LATER_FIX = "NO_TIME", "TIME_OF_LATER_FIX"

MAX_WAITING = 10_000
"""Items that wait for the log's first time; then they go on without one."""

MAX_OPEN_LINES = 2_000
"""Lines after which an incomplete group is refused."""

_SENTENCE = re.compile(
    rb"!(?P<talker>..)(?P<kind>VDM|VDO),(?P<total>[1-9]),(?P<number>[1-9]),(?P<group>\d?),(?P<channel>[^,*]*),"
    rb"(?P<payload>[^,*]*),(?P<fill>[0-5])\*(?P<checksum>[0-9A-Fa-f]{2})"
)
_CHECKSUM = re.compile(rb"[!$]([^*]*)\*([0-9A-Fa-f]{2})")
_TAG_BLOCK = re.compile(rb"\\[^\\]*\\")
_HEAD_LINES = 20


class Sentence(NamedTuple):
    """One AIS sentence of the log.

    Attributes:
        line: Its line, from 1.
        data: The line's bytes, with tag block.
        text: The sentence from `!` to its checksum.
        total: Sentences of its group.
        number: Its number in the group, from 1.
        channel: AIS channel, or empty.
        key: What the sentences of a group share: talker, type, total, sequential message id, channel.
        line_us: Time on its line, µs since 1970 UTC, or None.
    """

    line: int
    data: bytes
    text: bytes
    total: int
    number: int
    channel: str
    key: tuple[bytes, ...]
    line_us: int | None


@dataclass
class _Log:
    """State of the reader.

    Attributes:
        clock_us: Time of the last valid fix, µs since 1970 UTC.
        records: Source records so far.
        open: Incomplete groups by key.
    """

    clock_us: int | None = None
    records: int = 0
    open: dict[tuple[bytes, ...], list[Sentence]] = field(default_factory=dict)

    def next_record(self) -> int:
        self.records += 1
        return self.records


def matches(head: bytes) -> bool:
    """Return whether a file begins like an NMEA 0183 log with AIS sentences."""
    lines = [each for each in head.splitlines() if each.strip() and not each.startswith(b"#")]
    begins = all(each.startswith((b"!", b"$", b"\\")) for each in lines[:_HEAD_LINES])
    return bool(lines) and begins and re.search(rb"!..VD[MO],", head) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log; yield one item per sentence group and per line that belongs to none."""
    log = _Log()
    waiting: list[Item] = []
    for item in _items(stream, log):
        if waiting or (log.clock_us is None and _lacks_time(item)):
            waiting.append(item)
            if log.clock_us is not None or len(waiting) >= MAX_WAITING:
                yield from (_timed(each, log.clock_us) for each in waiting)
                waiting.clear()
        else:
            yield item
    yield from waiting


def _lacks_time(item: Item) -> bool:
    return isinstance(item, Accepted) and NO_TIME in item.drafts[0].fields["flags"]


def _timed(item: Item, clock_us: int | None) -> Item:
    """Return a waiting item with the log's first time, if it has none of its own."""
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
            yield from _expired(log, number - MAX_OPEN_LINES)
    yield from _expired(log, number)


def _line(log: _Log, number: int, data: bytes) -> Iterator[Item]:
    text = _TAG_BLOCK.sub(b"", data, count=1) if data.startswith(b"\\") else data
    if not text.strip() or text.startswith((b"#", b"$")):
        if text.startswith(b"$") and _checksum_fits(text):
            log.clock_us = fix_time(text) or log.clock_us
        yield Skipped(number, "blank line or comment")
        return
    try:
        sentence = _sentence(number, data, text)
    except RuleViolation as error:
        yield Refused(log.next_record(), number, data, str(error), error.rule)
        return
    if sentence is None:
        yield Skipped(number, "blank line or comment")
    else:
        yield from _grouped(log, sentence)


def _sentence(number: int, data: bytes, text: bytes) -> Sentence | None:
    """Return the AIS sentence of a line; None for an encapsulated sentence of another type."""
    match = _SENTENCE.match(text)
    if match is None:
        if re.match(rb"![A-Z]{2}(?!VD[MO],)[A-Z]{3},", text):
            return None
        raise RuleViolation(
            "ais-sentence@1", "expected !--VDM or !--VDO with its seven fields and a checksum"
        )
    if not _checksum_fits(text):
        found = match["checksum"].decode().upper()
        raise RuleViolation("ais-checksum@1", f"checksum: expected {_checksum(match[0]):02X}, got {found}")
    total, part = int(match["total"]), int(match["number"])
    if part > total:
        raise RuleViolation("ais-sentence@1", f"sentence {part} of {total}")
    key = (match["talker"], match["kind"], match["total"], match["group"], match["channel"])
    channel = match["channel"].decode("ascii", "replace")
    return Sentence(number, data, match[0], total, part, channel, key, line_time(data))


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
    except RuleViolation as error:
        return Refused(record, group[0].line, data, str(error), error.rule)
    line_us = next((each.line_us for each in group if each.line_us is not None), None)
    time_us = log.clock_us if line_us is None else line_us
    if time_us is None:
        time_us, fields["flags"] = 0, [*fields["flags"], NO_TIME]
    return Accepted(record, group[0].line, data, (EventDraft(topic, time_us, fields),))


def _incomplete(log: _Log, group: list[Sentence]) -> Refused:
    data = b"\n".join(each.data for each in group)
    numbers = ", ".join(str(each.number) for each in group)
    reason = f"expected sentences 1 to {group[0].total} in order, got {numbers}"
    return Refused(log.next_record(), group[0].line, data, reason, "ais-group@1")


def _expired(log: _Log, before_line: int) -> Iterator[Item]:
    for key in [key for key, group in log.open.items() if group[0].line <= before_line]:
        yield _incomplete(log, log.open.pop(key))


def _checksum_fits(text: bytes) -> bool:
    match = _CHECKSUM.match(text)
    return match is not None and _checksum(text) == int(match[2], 16)


def _checksum(text: bytes) -> int:
    """Return the XOR of all bytes between the first character and `*` (NMEA 0183)."""
    found = 0
    for each in text[1 : text.index(b"*")]:
        found ^= each
    return found
