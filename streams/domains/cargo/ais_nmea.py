"""AIS in a log of NMEA 0183 sentences → `cargo.vessel-position` and `cargo.vessel-message`. Pure.

One source record is one sentence group: the one to nine `!..VDM` or `!..VDO` sentences of one message (`ais_groups`).
Comments (`#`), blank lines, other NMEA sentences, and text that is no time before or behind a sentence are skipped with
the reason. A line may hold several sentences (`nmea_line`). A group is refused if a sentence is missing, a checksum is
wrong or the payload is no message.

A group before the log's first time takes that first time and the flag `TIME_OF_LATER_FIX`. In a log without any time
`occurred_at` is 1970-01-01T00:00Z, with the flag `NO_TIME`. No time is guessed.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from streams.domains.cargo import ais_clock, nmea_tag_block
from streams.domains.cargo.ais_groups import Assembly, Refusal, Sentence
from streams.domains.cargo.ais_message import decode, fields_of
from streams.domains.cargo.nmea_line import BLANK, TAG_BLOCKS, Piece, log_lines, pieces
from streams.domains.cargo.nmea_tag_block import TagBlocks, checksum_of
from streams.domains.cargo.rule_violation import RuleViolation
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped, size_of
from streams.readers.lines import Line

NAME = "ais-nmea"
NO_TIME, LATER_FIX = "NO_TIME", "TIME_OF_LATER_FIX"

MAX_WAITING = 10_000
"""Items that wait for the log's first time; then they go on without one."""

MAX_WAITING_BYTES = 16 << 20
"""Bytes of these items; a sentence has some 80."""

MAX_TAG_GROUPS = 100
"""Groups of tag blocks whose time is kept for their later sentences, which have none of their own (NMEA 0183 4.10)."""

_SENTENCE = re.compile(
    rb"!(?P<talker>[A-Z][A-Z0-9])(?P<kind>VDM|VDO),(?P<total>[1-9]),(?P<number>[1-9]),(?P<group>\d?),"
    rb"(?P<channel>[^,*]{0,8}),(?P<payload>[0-W`-w]{0,400}),(?P<fill>[0-5])\*(?P<checksum>[0-9A-Fa-f]{2})"
)
AIS_SENTENCE = re.compile(rb"![A-Z][A-Z0-9]VD[MO],")
"""Beginning of a sentence of AIS."""

_HEAD_LINES = 200
_LONGEST_LABEL = 40
_OTHER_FORMAT = re.compile(rb"[{\"'=<]")
_LINE_END = re.compile(rb"\r\n|\n\r|\r|\n")


class _Around(NamedTuple):
    """What stands around a sentence.

    Attributes:
        tags: Its tag blocks.
        before: What a logger wrote before it.
        behind: What a logger wrote behind it.
        begin: Offset in the line where the sentence's own bytes begin; text before it is skipped.
        end: Offset where they end; text behind it is skipped.
    """

    tags: TagBlocks
    before: ais_clock.Stamp
    behind: ais_clock.Stamp
    begin: int
    end: int


_NOTHING = _Around(nmea_tag_block.NONE, ais_clock.NOTHING, ais_clock.NOTHING, 0, 0)


@dataclass
class _Log:
    """State of the reader.

    Attributes:
        clock_us: Time of the last valid fix, µs since 1970 UTC.
        records: Source records so far.
        sentences: Sentences of any kind so far.
        assembly: Incomplete groups.
        tag_groups: Time of the newest groups of tag blocks, by id.
    """

    clock_us: int | None = None
    records: int = 0
    sentences: int = 0
    assembly: Assembly = field(default_factory=Assembly)
    tag_groups: OrderedDict[bytes, int] = field(default_factory=OrderedDict)

    def next_record(self) -> int:
        self.records += 1
        return self.records

    def time_of(self, tags: TagBlocks) -> int | None:
        """Return the time of tag blocks, or that of an earlier sentence of their group."""
        if tags.group is None:
            return tags.time_us
        if tags.time_us is None:
            return None if tags.flags else self.tag_groups.get(tags.group)
        self.tag_groups[tags.group] = tags.time_us
        self.tag_groups.move_to_end(tags.group)
        if len(self.tag_groups) > MAX_TAG_GROUPS:
            self.tag_groups.popitem(last=False)
        return tags.time_us


def matches(head: bytes) -> bool:
    """Return whether at least half of a file's first lines are NMEA 0183 sentences, with AIS among them.

    A file of sentences and JSON objects in turn is what a decoder printed, and no log.
    """
    found = [each.strip(BLANK) for each in _LINE_END.split(head)]
    found = [each for each in found if each and not each.startswith(b"#")][:_HEAD_LINES]
    good = sum(_is_nmea(each) for each in found)
    objects = sum(each.startswith(b"{") for each in found)
    return 2 * good >= len(found) >= 10 * objects and any(map(AIS_SENTENCE.search, found))


def _is_nmea(line: bytes) -> bool:
    found = pieces(line)
    if not found or not found[0].checked:
        return False
    prefix = line[: found[0].tags_at]
    is_label = len(prefix) <= _LONGEST_LABEL and not _OTHER_FORMAT.search(prefix)
    return is_label or ais_clock.prefix_stamp(prefix) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log; yield one item per sentence group and per part of the log that belongs to none."""
    log = _Log()
    waiting: list[Item] = []
    size = 0
    for item in _items(stream, log):
        if waiting or (log.clock_us is None and _lacks_time(item)):
            waiting.append(item)
            size += size_of(item)
            if log.clock_us is not None or len(waiting) >= MAX_WAITING or size >= MAX_WAITING_BYTES:
                yield from (_timed(each, log.clock_us) for each in waiting)
                waiting.clear()
                size = 0
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
    return Accepted(item.record, item.line, item.data, (timed,), item.spans)


def _items(stream: BinaryIO, log: _Log) -> Iterator[Item]:
    for line in log_lines(stream):
        yield from _line(log, line)
        if log.assembly.is_due(log.sentences + 1):
            yield from _assembled(log, log.assembly.expired(log.sentences + 1))
    yield from _assembled(log, log.assembly.rest())


def _assembled(log: _Log, found: Iterable[tuple[Sentence, ...] | Refusal]) -> list[Item]:
    return [_refused(log, each) if isinstance(each, Refusal) else _message(log, each) for each in found]


def _line(log: _Log, line: Line) -> list[Item]:
    found = pieces(line.data)
    if len(found) == 1 and found[0].end == found[0].suffix_at and not found[0].sentence_at:
        log.sentences += 1
        return _sentence(log, line, found[0], _NOTHING, line.spans[0])
    text = line.data.strip(BLANK)
    if not text or text.startswith(b"#"):
        return [Skipped(line.number, "comment" if text else "blank line", line.spans)]
    if not found and TAG_BLOCKS.fullmatch(text) and not nmea_tag_block.parse(text).flags:
        return [Skipped(line.number, "tag block without a sentence", line.spans)]
    if not found:
        reason = "expected an NMEA 0183 sentence: ! or $, its type, and a checksum"
        return [Refused(log.next_record(), line.number, text, reason, "ais-sentence@2", line.spans)]
    items: list[Item] = []
    for piece in found:
        log.sentences += 1
        items += _piece(log, line, piece, line.end if piece is found[-1] else line.begin + piece.end)
    return items


def _piece(log: _Log, line: Line, piece: Piece, end: int) -> list[Item]:
    around = _around(line.data, piece)
    begin = line.begin + piece.begin
    own_begin, own_end = begin, end
    items: list[Item] = []
    if around.begin > piece.begin:
        own_begin = line.begin + around.begin
        items.append(Skipped(line.number, "text before a sentence", ((begin, own_begin),)))
    if around.end < piece.end:
        own_end = line.begin + around.end
    items += _sentence(log, line, piece, around, (own_begin, own_end))
    if own_end < end:
        items.append(Skipped(line.number, "text behind a sentence", ((own_end, end),)))
    return items


def _around(data: bytes, piece: Piece) -> _Around:
    prefix, suffix = data[piece.begin : piece.tags_at], data[piece.suffix_at : piece.end]
    tags = nmea_tag_block.NONE
    if piece.tags_at < piece.sentence_at:
        tags = nmea_tag_block.parse(data[piece.tags_at : piece.sentence_at])
    before = ais_clock.prefix_stamp(prefix) if prefix else ais_clock.NOTHING
    if before is None and b"\\" in prefix:
        before, tags = ais_clock.NOTHING, tags._replace(flags=(*tags.flags, nmea_tag_block.CHECKSUM))
    behind = ais_clock.suffix_stamp(suffix) if suffix else ais_clock.NOTHING
    if suffix and tags.source is None:
        tags = tags._replace(source=ais_clock.station(suffix))
    return _Around(
        tags,
        before or ais_clock.unread(prefix),
        behind or ais_clock.unread(suffix),
        piece.tags_at if before is None else piece.begin,
        piece.suffix_at if behind is None else piece.end,
    )


def _sentence(log: _Log, line: Line, piece: Piece, around: _Around, span: tuple[int, int]) -> list[Item]:
    text = line.data if around is _NOTHING else line.data[piece.sentence_at : piece.suffix_at]
    if text[:1] == b"$" or not AIS_SENTENCE.match(text):
        if ais_clock.is_clock(text) and _checksum(text) == int(text[-2:], 16):
            log.clock_us = ais_clock.fix_time(text) or log.clock_us
        log.time_of(around.tags)  # the later sentences of its group may have none
        return [Skipped(line.number, "NMEA sentence without AIS", (span,))]
    data = line.data if around is _NOTHING else line.data[around.begin : around.end].strip(BLANK)
    try:
        match = checked(text)
    except RuleViolation as error:
        return [Refused(log.next_record(), line.number, data, str(error), error.rule, (span,))]
    line_us, flags = (None, ()) if around is _NOTHING else _time(log, around)
    talker, kind, total, number, sequence, channel = match.groups()[:6]
    sentence = Sentence(
        line.number,
        log.sentences,
        span,
        data,
        text,
        int(total),
        int(number),
        channel.decode("ascii", "replace"),
        (talker, kind, total, sequence, channel, around.tags.group or b""),
        around.tags.group,
        around.tags.source,
        line_us,
        flags,
    )
    if sentence.total == 1:
        return [_message(log, (sentence,))]
    return _assembled(log, log.assembly.add(sentence))


def _time(log: _Log, around: _Around) -> tuple[int | None, tuple[str, ...]]:
    """Return the time on a sentence's own line, and what is doubtful about it."""
    flags = list(around.tags.flags)
    time_us = log.time_of(around.tags)
    for stamp in (around.behind, around.before):
        if time_us is None:
            time_us = stamp.us
            flags += [stamp.flag] if stamp.flag else []
    return time_us, tuple(dict.fromkeys(flags))


def checked(text: bytes) -> re.Match[bytes]:
    """Return the fields of an AIS sentence: `talker`, `kind`, `total`, `number`, `group`, `channel`.

    Raises:
        RuleViolation: Its fields or its checksum are wrong.
    """
    match = _SENTENCE.fullmatch(text)
    if match is None:
        raise RuleViolation(
            "ais-sentence@2", "expected !--VDM or !--VDO with its seven fields and a checksum"
        )
    found = match["checksum"].decode().upper()
    if _checksum(text) != int(found, 16):
        raise RuleViolation("ais-checksum@1", f"checksum: expected {_checksum(text):02X}, got {found}")
    if int(match["number"]) > int(match["total"]):
        raise RuleViolation("ais-sentence@2", f"sentence {int(match['number'])} of {int(match['total'])}")
    return match


def _checksum(text: bytes) -> int:
    return checksum_of(text[1 : text.index(b"*")])


def _message(log: _Log, group: tuple[Sentence, ...]) -> Item:
    record = log.next_record()
    in_file = group if len(group) == 1 else sorted(group, key=lambda each: each.span)
    data, spans = b"\n".join([each.data for each in in_file]), tuple([each.span for each in in_file])
    line = in_file[0].line
    try:
        topic, fields = fields_of(decode([each.text for each in group]), group[0].channel or None)
    except RuleViolation as error:
        return Refused(record, line, data, str(error), error.rule, spans)
    line_us = None
    for each in group:
        line_us = each.line_us if line_us is None else line_us
        fields["flags"] += [flag for flag in each.flags if flag not in fields["flags"]]
    time_us = log.clock_us if line_us is None else line_us
    if time_us is None:
        time_us, fields["flags"] = 0, [*fields["flags"], NO_TIME]
    return Accepted(record, line, data, (EventDraft(topic, time_us, fields),), spans)


def _refused(log: _Log, refusal: Refusal) -> Refused:
    data = b"\n".join(each.data for each in refusal.sentences)
    spans = tuple(each.span for each in refusal.sentences)
    return Refused(log.next_record(), refusal.sentences[0].line, data, refusal.reason, "ais-group@2", spans)
