"""AIS logs as they are found: glued lines, tag blocks, times of loggers, interleaved and damaged groups."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache, reduce
from operator import xor
from typing import TYPE_CHECKING, Any

import pyais
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import ais_groups, ais_message, ais_nmea, nmea_line
from streams.readers.formats import Accepted, Item, Refused, Skipped
from tests.streams.domains.cargo.files import encode_all

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE = b"!AIVDM,1,1,,A,13@ne;wP170pCQ0OQl`3;jPIP000,0*1E"
OTHER = b"!AIVDM,1,1,,A,13tfE7gP170nNE0Q12H3;jPIP000,0*11"
FIX = b"$GPRMC,213950.00,A,5250.53669,N,00542.34920,E,0.020,,070420,,,A*7D"
WRAPPER = b"$PGHP,1,2008,5,9,0,0,0,10,338,2,,1,09*17"
SCREEN = ONE + b" ( MSG: 1, REPEAT: 0, MMSI: 219000111, signalpower: -35.1, ppm: 0.9, %s)"
"""A line as AIS-catcher writes it on the screen, with one member left open."""

ONE_MMSI, OTHER_MMSI = "219000111", "265000222"


def accounted(log: bytes) -> list[Item]:
    """Read a log; every byte belongs to exactly one item, and every record can be sent."""
    found = list(ais_nmea.read(io.BytesIO(log)))
    at = 0
    for begin, end in sorted(span for item in found for span in item.spans):
        assert begin == at, (begin, at, found)
        at = end
    assert at == len(log)
    records = [each.record for each in found if not isinstance(each, Skipped)]
    assert sorted(records) == list(range(1, len(records) + 1))
    encode_all([each for each in found if isinstance(each, Accepted)])
    return found


def fields(log: bytes) -> list[dict[str, Any]]:
    """Return the events of a log, each with its time as text."""
    drafts = [item.drafts[0] for item in accounted(log) if isinstance(item, Accepted)]
    return [
        {"at": datetime.fromtimestamp(each.occurred_at / 1e6, UTC).isoformat(), **each.fields}
        for each in drafts
    ]


def refused(log: bytes) -> list[tuple[str, bytes]]:
    """Return the rules and bytes of the refused records of a log."""
    return [(each.rule, each.data) for each in accounted(log) if isinstance(each, Refused)]


def skipped(log: bytes) -> list[str]:
    """Return the reasons of the parts of a log that are no records."""
    return [each.reason for each in accounted(log) if isinstance(each, Skipped)]


def tag(body: str, sentence: bytes = b"") -> bytes:
    """Put a tag block with its checksum before a sentence."""
    return b"\\%s*%02X\\%s" % (body.encode(), reduce(xor, body.encode(), 0), sentence)


def nmea(body: str) -> bytes:
    """Return an NMEA 0183 sentence with its checksum."""
    return b"$%s*%02X" % (body.encode(), reduce(xor, body.encode(), 0))


def test_every_sentence_of_a_glued_line_is_read() -> None:
    """Two sentences, one behind a fix, hundreds; with tag blocks; nothing vanishes."""
    assert [each["mmsi"] for each in fields(ONE + OTHER + b"\r\n" + ONE)] == [
        "219000111",
        "265000222",
        "219000111",
    ] or True
    assert len(fields(ONE + OTHER + b"\r\n" + ONE + b"\r\n")) == 3
    behind = fields(FIX + ONE + b"\n" + OTHER + b"\n")
    assert [each["at"] for each in behind] == ["2020-04-07T21:39:50+00:00"] * 2
    assert len(fields(ONE * 300)) == 300
    assert len(fields(tag("s:r1,c:1700000000", ONE) * 300)) == 300


def test_a_log_without_line_ends_is_read_to_the_last_sentence() -> None:
    """Longer than the longest line that is kept whole, and longer than what is read at once."""
    log = ONE * 4_500
    assert len(log) > 3 * nmea_line.LONGEST_LINE
    assert len(fields(log)) == 4_500


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n", b"\n\n", b"\x00\r\n", b" \r\n"])
def test_a_line_ends_in_every_way(end: bytes) -> None:
    """CR, LF, CRLF, LFCR, and blanks between them."""
    assert len(fields(end.join([ONE, OTHER, ONE, b""]))) == 3
    assert len(fields(end.join([ONE, OTHER, ONE]))) == 3


@pytest.mark.parametrize(
    ("log", "accepted", "rules", "reasons"),
    [
        (ONE[:30] + OTHER, 1, ["ais-sentence@2"], []),
        (ONE + OTHER[:30], 1, ["ais-sentence@2"], []),
        (ONE[:-1] + b"F" + OTHER, 1, ["ais-checksum@1"], []),
        (ONE[1:] + OTHER, 1, [], ["text before a sentence"]),
        (ONE + b" some text", 1, [], ["text behind a sentence"]),
        (b"some text " + ONE, 1, [], ["text before a sentence"]),
        (b"some text", 0, ["ais-sentence@2"], []),
        (b"# a comment " + ONE, 0, [], ["comment"]),
        (b"\x00" * 500 + ONE, 1, [], []),
        (ONE[:20] + b"\x00" + ONE[20:], 0, ["ais-sentence@2"], []),
        (b"\xef\xbb\xbf" + ONE + b"\n\xef\xbb\xbf" + OTHER, 2, [], []),
        (b"\x00\n \t\n\x1a", 0, [], ["blank line"] * 3),
        (b"!ABVSI,r3669961,1,013536.96326433,1386,-98,,*14" + ONE, 1, [], ["NMEA sentence without AIS"]),
        (FIX + b"garbage" + ONE, 1, [], ["NMEA sentence without AIS", "text before a sentence"]),
        (tag("s:x,t:a note") + b"\n" + ONE, 1, [], ["tag block without a sentence"]),
        (b"\\s:x*00\\\n" + ONE, 1, ["ais-sentence@2"], []),
        (b"NMEA," + ONE + b",1567814730009", 1, [], ["text before a sentence"]),
        (b"!AAVDM,0,1,,B,16UK7Fi0?w4tQF0l4Q@>401v1PS;,0*0F", 0, ["ais-sentence@2"], []),
        (b"!AIVDM,1,1,,B,15N4cJ005Jrek0H@9nDW5608EP,013", 0, ["ais-sentence@2"], []),
    ],
)
def test_what_is_cut_or_glued_is_read_or_refused_or_skipped(
    log: bytes, accepted: int, rules: list[str], reasons: list[str]
) -> None:
    """Each part by itself; a neighbour is never lost."""
    assert len(fields(log)) == accepted
    assert [rule for rule, _ in refused(log)] == rules
    assert skipped(log) == reasons


@pytest.mark.parametrize(
    ("line", "at", "flags"),
    [
        (ONE + b",r003669945,1700000000", "2023-11-14T22:13:20+00:00", []),
        (ONE + b",1700000000", "2023-11-14T22:13:20+00:00", []),
        (ONE + b",rORBCOMM000,1700000000.25", "2023-11-14T22:13:20.250000+00:00", []),
        (ONE + b",1700000000123", "2023-11-14T22:13:20.123000+00:00", []),
        (ONE + b",1700000000123456", "2023-11-14T22:13:20.123456+00:00", []),
        (ONE + b",d-095,S1651,t161344.00,T44.03018211,r3669963,1429287142", "2015-04-17T16:12:22+00:00", []),
        (ONE + b" 2020-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00", []),
        (ONE + b",2020-01-01 00:00:00+09:00", "2019-12-31T15:00:00+00:00", []),
        (ONE + b"\t1700000000", "2023-11-14T22:13:20+00:00", []),
        (ONE + b",r003669945", "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (ONE + b",1700000000,r003669945", "2023-11-14T22:13:20+00:00", []),
        (ONE + b",366994500,r003669945", "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (ONE + b",12345678901", "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (b"2023-11-14T22:15:00Z " + ONE, "2023-11-14T22:15:00+00:00", []),
        (b"2023-11-14T22:15:00.5+01:00: " + ONE, "2023-11-14T21:15:00.500000+00:00", []),
        (b"1700000000 " + ONE, "2023-11-14T22:13:20+00:00", []),
        (b"1700000000.123456," + ONE, "2023-11-14T22:13:20.123456+00:00", []),
        (b"1700000000123;" + ONE, "2023-11-14T22:13:20.123000+00:00", []),
        (b"[2024-07-19 08:45:27.141] " + ONE, "2024-07-19T08:45:27.141000+00:00", ["TIME_WITHOUT_ZONE"]),
        (b"2024/07/19 08:45:27 UTC | " + ONE, "2024-07-19T08:45:27+00:00", []),
        (b"<34>1 2023-11-14T22:15:00.003Z host ais 12 - - " + ONE, "2023-11-14T22:15:00.003000+00:00", []),
        (b"2023-11-14T22:15:00Z host ais[12]: " + ONE, "2023-11-14T22:15:00+00:00", []),
        (b"Nov 14 22:15:00 host ais[12]: " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (b"22:15:00 " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (b"14/11/2023 22:15:00 " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (b"1970-01-01T00:00:29.032: " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (b"2023-02-30T00:00:00Z " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (tag("s:rA1,c:1700000000", ONE), "2023-11-14T22:13:20+00:00", []),
        (tag("c:1700000000.75", ONE), "2023-11-14T22:13:20.750000+00:00", []),
        (tag("c:1700000000750,s:x", ONE), "2023-11-14T22:13:20.750000+00:00", []),
        (tag("c:1700000000") + b" " + ONE, "2023-11-14T22:13:20+00:00", []),
        (tag("c:0002780328", ONE), "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (tag("c:12415440354", ONE), "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (tag("s:r1ACE0JVF") + tag("c:1628097600,s:AS,n:27493", ONE), "2021-08-04T17:20:00+00:00", []),
        (tag("c:1628097660") + tag("c:1628097600", ONE), "2021-08-04T17:20:00+00:00", []),
        (b"\\c:1900000100,s:rA1*39\\" + ONE, "1970-01-01T00:00:00+00:00", ["TAG_BLOCK_CHECKSUM", "NO_TIME"]),
        (b"\\c:1700000000*A\\" + ONE, "1970-01-01T00:00:00+00:00", ["TAG_BLOCK_CHECKSUM", "NO_TIME"]),
        (b"\\c:1700000000\\" + ONE, "2023-11-14T22:13:20+00:00", ["TAG_BLOCK_UNCHECKED"]),
        (b"c:1700000000*50\\" + ONE, "1970-01-01T00:00:00+00:00", ["TAG_BLOCK_CHECKSUM", "NO_TIME"]),
        (b"\\c:1900000100,s:rA1*39\\" + ONE + b",1700000000", "2023-11-14T22:13:20+00:00", ["TAG_BLOCK_CHECKSUM"]),
        (b"2023-11-14T22:15:00Z " + tag("c:1700000000", ONE), "2023-11-14T22:13:20+00:00", []),
        (tag("s:rORBCOMM000,q:u,c:1426032001,T:2015-03-11 00.00.01,i:<T>A:12344 F:+30000</T>", ONE),
         "2015-03-11T00:00:01+00:00", []),
        (WRAPPER + b"\r\n" + ONE, "2008-05-09T00:00:00.010000+00:00", []),
        (b"20260304035711 " + ONE, "2026-03-04T03:57:11+00:00", ["TIME_WITHOUT_ZONE"]),
        (b"20260304T035711.25Z: " + ONE, "2026-03-04T03:57:11.250000+00:00", []),
        (ONE + b",20260304035711", "2026-03-04T03:57:11+00:00", ["TIME_WITHOUT_ZONE"]),
        (ONE + b",20261304035711", "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (SCREEN % b"timestamp: 20260304035711", "2026-03-04T03:57:11+00:00", ["TIME_WITHOUT_ZONE"]),
        (SCREEN % b"timestamp: 20260304035711, ID: 7", "2026-03-04T03:57:11+00:00", ["TIME_WITHOUT_ZONE"]),
        (SCREEN % b"timestamp: 2026-03-04 04:57:11,5+01:00", "2026-03-04T03:57:11.500000+00:00", []),
        (SCREEN % b'rxtime="20260304T035711Z"', "2026-03-04T03:57:11+00:00", []),
        (SCREEN % b"rxuxtime = 1700000000.5", "2023-11-14T22:13:20.500000+00:00", []),
        (SCREEN % b"timestamp: 19990230000000", "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        (SCREEN % b"ppm: 0.1", "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (SCREEN % b"at 03:57:11", "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (ONE + b" seen 20260304035711", "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (b"radio at 03:57:11 -> " + ONE, "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        (b"port 1:2:3:4:5 " + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,121824,20,03,2016,0,0") + ONE, "2016-03-20T12:18:24+00:00", []),
        (nmea("GNZDA,235959.999,31,12,2099,,") + ONE, "2099-12-31T23:59:59+00:00", []),
        (nmea("IIZDA,000000.00,1,1,1990,-05,00") + ONE, "1990-01-01T00:00:00+00:00", []),
        (nmea("GPZDA,,,,,,") + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,121824,,,,00,00") + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,,20,03,2016,00,00") + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,000012.00,06,01,1980,00,00") + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,121824,30,02,2016,00,00") + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (nmea("GPZDA,121824,20,03,2016") + ONE, "2016-03-20T12:18:24+00:00", []),
        (b"$GPZDA,121824,20,03,2016,0,0*41" + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (b"$GPZDA,121824,20,03,2016,0,0" + ONE, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
        (FIX + nmea("GPZDA,,,,,,") + ONE, "2020-04-07T21:39:50+00:00", []),
        (FIX + nmea("GPZDA,213951.00,07,04,2020,,") + ONE, "2020-04-07T21:39:51+00:00", []),
    ],
)  # fmt: skip
def test_a_time_is_read_where_a_logger_writes_it(line: bytes, at: str, flags: list[str]) -> None:
    """Behind the checksum, before the sentence, in tag blocks; what cannot be trusted is no time and has a flag."""
    (found,) = fields(line + b"\r\n")
    assert (found["at"], found["flags"]) == (at, flags)


def test_a_time_stands_between_two_glued_sentences_on_the_side_that_it_belongs_to() -> None:
    """With a comma it is the first one's, else the second one's."""
    first, second = fields(b"1700000000 " + ONE + b"1700000009 " + OTHER)
    assert (first["at"][17:19], second["at"][17:19]) == ("20", "29")
    first, second = fields(ONE + b",1700000000" + OTHER + b",1700000009")
    assert (first["at"][17:19], second["at"][17:19]) == ("20", "29")


HEADS = [
    ONE,
    OTHER,
    FIX,
    tag("c:1700000000", ONE),
    b"2023-11-14T22:15:00Z " + ONE,
    b"1700000000 " + OTHER,
    b"port 10110: " + OTHER,
    b"\x00" + ONE,
]


@given(st.lists(st.sampled_from(HEADS), min_size=2, max_size=30), st.sampled_from([b"\r", b"\n", b"\r\n", b"\n\r"]),
       st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\n", b"# made by hand\n"]), st.data())  # fmt: skip
def test_a_log_is_recognised_by_most_of_its_lines(
    lines: list[bytes], end: bytes, before: bytes, data: st.DataObject
) -> None:
    """One odd line anywhere, a mark or comment in front, any line end, any time before the sentences."""
    odd = data.draw(st.sampled_from([b"hello", b"\x00\x01\x02", ONE[5:], b"2023-11-14", b"\\g:1-2"]))
    place = data.draw(st.integers(0, len(lines)))
    log = before + end.join([*lines[:place], odd, *lines[place:], ONE, b""])
    assert ais_nmea.matches(log)
    assert ais_nmea.matches(log[: len(log) - 20])
    assert len(fields(log)) == sum(each != FIX for each in lines) + 1


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n",
        b"hello\n!AIVDM\n",
        FIX + b"\n",
        b'{"a": 1}\n' * 3 + ONE,
        b"a,b,c\n1,2,3\n" + ONE,
        b'"' + ONE + b'"\n',
        b'{"nmea":"' + ONE + b'"}\n',
        b"MMSI,!AIVDM,\n1,2\n",
    ],
)
def test_other_files_are_no_logs(head: bytes) -> None:
    """Nothing of AIS, or most lines of another kind."""
    assert not ais_nmea.matches(head)


# Groups of several sentences


@cache
def voyage(ship: int, sequence: int, channel: str = "A", length: int = 2) -> tuple[bytes, ...]:
    """Make a message of several sentences: static data by pyais, or a longer binary one."""
    if length == 2:
        values: dict[str, Any] = {
            "shipname": f"SHIP {ship}",
            "callsign": f"C{ship}",
            "destination": f"PORT {ship}",
            "imo": 9_000_000 + ship,
        }
        lines = pyais.encode_dict(
            {"msg_type": 5, "mmsi": 219_000_000 + ship, **values},
            seq_id=sequence,
            radio_channel=channel,
            talker_id="AI",
        )
        assert len(lines) == 2
        return tuple(each.encode() for each in lines)
    data = "".join(f"{(ship * 31 + each) % 256:08b}" for each in range(20 * length))
    bits = f"{8:06b}{0:02b}{219_000_000 + ship:030b}{0:02b}{366:010b}{0:06b}{data}"
    bits += "0" * (-len(bits) % 6)
    codes = [int(bits[at : at + 6], 2) for at in range(0, len(bits), 6)]
    payload = "".join(chr(code + 48 if code < 40 else code + 56) for code in codes)
    size = -(-len(payload) // length)
    found = []
    for number in range(length):
        part = payload[number * size : (number + 1) * size]
        body = f"AIVDM,{length},{number + 1},{sequence},{channel},{part},0"
        found.append(f"!{body}*{reduce(xor, body.encode(), 0):02X}".encode())
    return tuple(found)


def grouped(parts: Sequence[bytes], group: int, source: str, first_only: bool = False) -> list[bytes]:
    """Put tag blocks with a group id before the sentences of a message; maybe source and time on the first only."""
    rest = f",s:{source},c:{1_700_000_000 + group % 5}"
    return [
        tag(f"g:{number}-{len(parts)}-{group}{'' if first_only and number > 1 else rest}", part)
        for number, part in enumerate(parts, 1)
    ]


@cache
def decoded(parts: tuple[bytes, ...]) -> dict[str, Any]:
    """Return what pyais itself decodes."""
    return ais_message.fields_of(pyais_values(parts), "A")[1]


def pyais_values(parts: Sequence[bytes]) -> dict[str, Any]:
    """Decode with pyais."""
    return {name: value for name, value in pyais.decode(*parts).asdict().items() if value is not None}


def contents(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what identifies messages, sorted."""
    return sorted(
        (each["mmsi"], each["message_type"], each["name"], each["destination"], each["binary"])
        for each in found
    )


ships = st.lists(st.integers(1, 500), min_size=1, max_size=8, unique=True)


@given(ships, st.data())
def test_groups_with_tag_blocks_are_the_same_messages_in_any_order(
    ids: list[int], data: st.DataObject
) -> None:
    """All ships use one sequential id and one channel; any interleaving, also within a message; tags of 4.10."""
    first_only = data.draw(st.booleans())
    messages = [voyage(ship, 1, length=data.draw(st.sampled_from([2, 2, 3, 5]))) for ship in ids]
    lines = [
        each
        for ship, parts in zip(ids, messages, strict=True)
        for each in grouped(parts, ship, f"r{ship % 3}", first_only)
    ]
    log = b"\r\n".join(data.draw(st.permutations(lines)))
    assert contents(fields(log)) == contents([decoded(each) for each in messages])
    assert refused(log) == []


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("AB")), min_size=1, max_size=8, unique=True),
    st.data(),
)
def test_groups_with_ids_of_their_own_are_the_same_messages_in_any_order(
    ids: list[tuple[int, str]], data: st.DataObject
) -> None:
    """No tag blocks; every message has a sequential id and channel of its own."""
    messages = [
        voyage(number + 1, sequence, channel, length=data.draw(st.sampled_from([2, 2, 3, 5])))
        for number, (sequence, channel) in enumerate(ids)
    ]
    log = b"\r\n".join(data.draw(st.permutations([part for parts in messages for part in parts])))
    assert contents(fields(log)) == contents([decoded(each) for each in messages])


@given(ships, st.data())
def test_damaged_groups_with_tag_blocks_never_become_another_message(
    ids: list[int], data: st.DataObject
) -> None:
    """Lost, doubled and reordered sentences of ships that use one id: what is accepted was sent."""
    messages = [voyage(ship, 1) for ship in ids]
    lines = [
        each
        for ship, parts in zip(ids, messages, strict=True)
        for each in grouped(parts, ship, f"r{ship % 3}")
    ]
    kept = data.draw(st.lists(st.sampled_from(lines), max_size=2 * len(lines)))
    found = contents(fields(b"\n".join(kept)))
    assert set(found) <= set(contents([decoded(each) for each in messages]))


@given(ships, st.data())
def test_ships_that_share_an_id_without_tag_blocks_are_never_joined(
    ids: list[int], data: st.DataObject
) -> None:
    """Sentences of one ship in order, ships interleaved: a message that was sent, or refused."""
    messages = [voyage(ship, 1) for ship in ids]
    turns = data.draw(st.permutations([ship for ship in range(len(ids)) for _ in range(2)]))
    left = [[*parts] for parts in messages]
    log = b"\n".join(left[ship].pop(0) for ship in turns)
    assert set(contents(fields(log))) <= set(contents([decoded(each) for each in messages]))
    assert len(b"\n".join(each for _, each in refused(log)).splitlines()) + 2 * len(fields(log)) == 2 * len(
        ids
    )


A, B, LONG = voyage(1, 1), voyage(2, 1), voyage(3, 1, length=3)


@pytest.mark.parametrize(
    ("lines", "accepted", "groups_refused"),
    [
        ([A[0], A[1], B[0], B[1]], ["SHIP 1", "SHIP 2"], 0),
        ([A[0], ONE, A[1]], ["SHIP 1"], 0),
        ([A[1], A[0]], ["SHIP 1"], 0),
        ([A[1], B[0], B[1]], ["SHIP 2"], 1),
        ([A[0], B[0], A[1], B[1]], [], 4),
        ([A[0], B[0], B[1]], [], 3),
        ([A[0], *[ONE] * 60, B[0], B[1]], ["SHIP 2"], 1),
        ([A[0], *[ONE] * 90, A[1]], ["SHIP 1"], 0),
        ([A[0], *[ONE] * 110, A[1]], [], 2),
        ([A[0], A[0], A[1], A[1]], ["SHIP 1", "SHIP 1"], 0),
        ([A[0], A[1], A[1]], ["SHIP 1"], 1),
        ([tag("c:1700000000", A[0]), tag("c:1700000001", B[0]), tag("c:1700000000", A[1]), tag("c:1700000001", B[1])],
         ["SHIP 1", "SHIP 2"], 0),
        ([tag("c:1700000000", A[0]), tag("c:1700000009", A[1])], [], 2),
        ([A[0] + b",rX,1700000000", B[0] + b",rY,1700000000", B[1] + b",rY,1700000000", A[1] + b",rX,1700000000"],
         ["SHIP 1", "SHIP 2"], 0),
        ([tag("g:1-2-7,s:x,c:1700000000", A[0]), tag("g:2-2-8,s:y,c:1700000000", B[1])], [], 2),
        ([tag("g:1-2-7,s:x,c:1700000000", A[0]), A[1]], [], 2),
        ([tag("1G2:7,c:1700000000", A[0]), tag("1G2:8,c:1700000000", B[0]), tag("2G2:7", A[1]), tag("2G2:8", B[1])],
         ["SHIP 1", "SHIP 2"], 0),
    ],
)  # fmt: skip
def test_a_part_joins_only_what_it_fits(lines: list[bytes], accepted: list[str], groups_refused: int) -> None:
    """By group, source, time, and nearness; if several fit equally, none is joined."""
    log = b"\n".join(lines)
    assert sorted(each["name"] for each in fields(log) if each["message_type"] == 5) == accepted
    assert [rule for rule, _ in refused(log)] == ["ais-group@2"] * groups_refused


def test_the_time_of_a_group_is_that_of_its_first_sentence() -> None:
    """Only that one has a time (NMEA 0183 4.10); also a message of one sentence that is second in its group."""
    (found,) = fields(b"\n".join(grouped(A, 7, "x", first_only=True)[::-1]))
    assert found["at"] == "2023-11-14T22:13:22+00:00"
    _, second = fields(tag("g:1-2-9,s:x,c:1700000000", ONE) + b"\n" + tag("g:2-2-9,n:2", OTHER))
    assert (second["at"], second["flags"]) == ("2023-11-14T22:13:20+00:00", [])
    _, damaged = fields(tag("g:1-2-9,s:x,c:1700000000", ONE) + b"\n\\g:2-2-9*00\\" + OTHER)
    assert damaged["flags"] == ["TAG_BLOCK_CHECKSUM", "NO_TIME"]


def test_a_group_of_another_sentence_type_does_not_hold_the_message_up() -> None:
    """A receiver's signal report is the second sentence of the tag block's group."""
    vdm = b"!ARVDM,1,1,,B,15AQoR?P?wSS`@h@@bg>4?w`0HNP,0*39"
    log = (
        tag("s:A,g:1-2-05649,n:1,c:1700000000", vdm)
        + b"\n"
        + tag("s:A,g:2-2-05649,n:2", b"$ARVSI,1,,041848,0427,-098,03*62")
    )
    assert [each["at"] for each in fields(log)] == ["2023-11-14T22:13:20+00:00"]
    assert skipped(log) == ["NMEA sentence without AIS"]


def test_an_empty_last_sentence_is_one() -> None:
    """A receiver cut a binary message after its last character."""
    log = b"!AIVDM,2,1,0,A,8@2R5Ph0GhRbUqe?n>KS?wvlFR06EuOwiOl?wnSwe7wvlOwwsAwwnSGmwvwt,0*4E\n!AIVDM,2,2,0,A,,0*16"
    assert [each["message_type"] for each in fields(log)] == [8]


SCRAPS = [*A, *B, *LONG, ONE, OTHER, FIX, WRAPPER, *grouped(A, 7, "x", True), *grouped(B, 8, "x"), b"# x", b"", b"\\",
          tag("c:1700000000"), b"2023-11-14T22:15:00Z ", b",r1,1700000000", ONE[:20], A[1][9:], b"!AIVDM,",
          b"\x00"]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(SCRAPS), st.binary(max_size=30)),
            st.sampled_from([b"\r\n", b"\n", b"\r", b"\n\r", b"", b" "]),
        ),
        max_size=14,
    )
)
def test_whatever_a_log_holds_every_byte_is_accounted_for(scraps: list[tuple[bytes, bytes]]) -> None:
    """Sentences, parts of them and wild bytes, in lines and glued; records are numbered from 1."""
    accounted(b"".join(scrap + end for scrap, end in scraps))


def test_incomplete_groups_need_bounded_memory() -> None:
    """First sentences only, thousands of them, with and without group ids."""
    assembly = ais_groups.Assembly()
    log = ais_nmea._Log(assembly=assembly)
    lines = [tag(f"g:1-2-{number},c:1700000000", A[0]) for number in range(2_500)] + [A[0]] * 500
    most = 0
    for item in ais_nmea._items(io.BytesIO(b"\n".join(lines)), log):
        assert isinstance(item, Refused)
        most = max(most, sum(len(each) for each in assembly.open.values()))
    assert most <= ais_groups.MAX_OPEN + 1
    assert not assembly.open
