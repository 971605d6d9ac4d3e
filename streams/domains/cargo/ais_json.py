r"""AIS sentences inside JSON lines → `cargo.vessel-position` and `cargo.vessel-message`. Pure.

    {"class":"AIS","channel":"A","rxtime":"20231114221320","mmsi":219000111,"type":1,"nmea":["!AIVDM,…*1E"]}

One source record is one line: an object with a list of sentences, or one sentence, in `nmea` or `message`. AIS-catcher
writes such lines (its outputs JSON_NMEA and JSON_FULL). What other members say of the message is not used: the
sentences are its bytes as received. An object may hold several messages; if one is refused, the record is.

The time is the first that can be read of `rxuxtime`, `rxtime`, `timestamp` and `time`, else that of a tag block. A date
without a zone is UTC, with a flag. Without any time `occurred_at` is 1970-01-01T00:00Z, with the flag `NO_TIME`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.domains.cargo import ais_clock, nmea_tag_block
from streams.domains.cargo.ais_message import decode, fields_of
from streams.domains.cargo.ais_nmea import AIS_SENTENCE, NO_TIME, checked
from streams.domains.cargo.nmea_line import BLANK, pieces
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers import json_value
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE, Line, lines

NAME = "ais-json"
RULE = "read-ais-json@1"

_LISTS = ("nmea", "message")
_TIMES = ("rxuxtime", "rxtime", "timestamp", "time")
_WITH_SENTENCES = re.compile(
    rb"""[ \t]*\{.*"(?:nmea|message)"\s*:\s*(?:\[\s*)?"[^"]*![A-Z][A-Z0-9]VD[MO],""", re.IGNORECASE
)
_LINE_END = re.compile(rb"[\r\n]+")
_HEAD_LINES = 200


def matches(head: bytes) -> bool:
    """Return whether at least half of a file's first lines are JSON objects with AIS sentences."""
    found = [each for each in _LINE_END.split(head.removeprefix(b"\xef\xbb\xbf")) if each.strip(BLANK)][
        :_HEAD_LINES
    ]
    return bool(found) and 2 * sum(_WITH_SENTENCES.match(each) is not None for each in found) >= len(found)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a file; yield one item per line."""
    record = 0
    for line in lines(stream):
        text = line.data.strip(BLANK)
        if not text:
            yield Skipped(line.number, "blank line", line.spans)
            continue
        record += 1
        try:
            drafts = _drafts(line, text)
        except RuleViolation as error:
            yield Refused(record, line.number, text, str(error), error.rule, line.spans)
        else:
            yield Accepted(record, line.number, text, drafts, line.spans)


def _drafts(line: Line, text: bytes) -> tuple[EventDraft, ...]:
    if len(line.data) > LONGEST_LINE:
        raise RuleViolation(RULE, f"a line of more than {LONGEST_LINE} bytes")
    try:
        value = json_value.parse(text, exact=True)
    except json_value.JsonError as error:
        raise RuleViolation(RULE, str(error)) from None
    if not isinstance(value, Mapping):
        raise RuleViolation(RULE, f"expected an object, got {short_repr(value)}")
    members = {name.casefold(): each for name, each in value.items()}
    sentences, tags_us, flags = _sentences(members)
    stamp = _stamp(members)
    is_stamped = stamp.us is not None or tags_us is None
    flags += [stamp.flag] if stamp.flag and is_stamped else []
    time_us = stamp.us if is_stamped else tags_us
    if time_us is None:
        time_us, flags = 0, [*flags, NO_TIME]
    return tuple(_draft(each, time_us, flags) for each in _messages(sentences))


def _sentences(members: Mapping[str, Any]) -> tuple[list[bytes], int | None, list[str]]:
    """Return the AIS sentences of an object, the time of their tag blocks, and what is wrong with the blocks."""
    given = next((members[name] for name in _LISTS if members.get(name)), None)
    listed = given if isinstance(given, list) else [given]
    found: list[bytes] = []
    time_us: int | None = None
    flags: list[str] = []
    for each in listed:
        if not isinstance(each, str):
            raise RuleViolation(RULE, f"nmea: expected sentences, got {short_repr(each)}")
        line = each.encode()
        for piece in pieces(line):
            found.append(line[piece.sentence_at : piece.suffix_at])
            tags = nmea_tag_block.parse(line[piece.tags_at : piece.sentence_at])
            time_us = tags.time_us if time_us is None else time_us
            flags += [flag for flag in tags.flags if flag not in flags]
    found = [each for each in found if AIS_SENTENCE.match(each)]
    if not found:
        raise RuleViolation(RULE, "nmea: expected an AIS sentence")
    return found, time_us, flags


def _stamp(members: Mapping[str, Any]) -> ais_clock.Stamp:
    stamps = []
    for name in _TIMES:
        given = members.get(name)
        if isinstance(given, str | float | int) and not isinstance(given, bool):
            text = given.strip() if isinstance(given, str) else repr(given)
            stamps.append(ais_clock.stamp(text) or ais_clock.Stamp(None, ais_clock.NOT_READ))
    return next((each for each in stamps if each.us is not None), (*stamps, ais_clock.NOTHING)[0])


def _messages(sentences: list[bytes]) -> Iterator[tuple[list[bytes], str | None]]:
    """Yield the sentences of each message, in order, and its channel."""
    at = 0
    while at < len(sentences):
        first = checked(sentences[at])
        total = int(first["total"])
        group = sentences[at : at + total]
        fields = [checked(each) for each in group]
        same = {each.group("talker", "kind", "total", "group", "channel") for each in fields}
        if [int(each["number"]) for each in fields] != list(range(1, total + 1)) or len(same) > 1:
            raise RuleViolation("ais-group@2", f"expected the {total} sentences of a message in order")
        yield group, first["channel"].decode("ascii", "replace") or None
        at += total


def _draft(message: tuple[list[bytes], str | None], time_us: int, flags: list[str]) -> EventDraft:
    topic, fields = fields_of(decode(message[0]), message[1])
    fields["flags"] += [each for each in flags if each not in fields["flags"]]
    return EventDraft(topic, time_us, fields)
