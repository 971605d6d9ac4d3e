"""AIS files that people had trouble with, small and written anew: what each one gives.

The names are those of the files and reports. Public reports are named by repository and number; their lines are
shortened where they can be.
"""

from __future__ import annotations

import io
from typing import Any

import pytest

from streams.readers.formats import Accepted, Refused, Skipped
from tests.streams.domains.cargo.files import OURS, encode_all
from tests.streams.domains.cargo.test_ais_logs import FIX, ONE, OTHER, grouped, tag, voyage
from tests.streams.domains.cargo.test_ais_tables import DANISH, DANISH_ROW, NOAA_2017, NOAA_2018, NOAA_2025

END = b"\r\n"
SHIP_1, SHIP_2 = grouped(list(voyage(1, 1)), 1111, "stA"), grouped(list(voyage(2, 1)), 2222, "stB")
FOUND: dict[str, tuple[bytes, str, list[str], list[str]]] = {
    "interleaved-A1-B1-A2-B2": (
        END.join([SHIP_1[0], SHIP_2[0], SHIP_1[1], SHIP_2[1]]),
        "ais-nmea", ["219000001", "219000002"], [],
    ),
    "lost-A2-lost-B1": (END.join([SHIP_1[0], SHIP_2[1]]), "ais-nmea", [], ["ais-group@2"] * 2),
    "one-digit-of-time-changed": (
        b"\\c:1900000100,s:rA1*39\\" + ONE + END + tag("c:1700000100,s:rA1", OTHER),
        "ais-nmea", ["219000111 TAG_BLOCK_CHECKSUM NO_TIME", "265000222"], [],
    ),
    "glued": (ONE + OTHER + END + ONE, "ais-nmea", ["219000111 NO_TIME", "265000222 NO_TIME", "219000111 NO_TIME"], []),
    "glued-behind-a-fix": (FIX + ONE + END + OTHER, "ais-nmea", ["219000111", "265000222"], []),
    "cr-only": (ONE + b"\r" + OTHER + b"\r", "ais-nmea", ["219000111 NO_TIME", "265000222 NO_TIME"], []),
    "bom": (b"\xef\xbb\xbf" + ONE + END + OTHER, "ais-nmea", ["219000111 NO_TIME", "265000222 NO_TIME"], []),
    "iso-prefix": (
        b"2023-11-14T22:15:00Z " + ONE + END + b"2023-11-14T22:15:01Z " + OTHER,
        "ais-nmea", ["219000111", "265000222"], [],
    ),
    "junk-on-line-15": (
        END.join([FIX, *[ONE] * 13, b"\x00" + OTHER, ONE]),
        "ais-nmea", ["219000111"] * 13 + ["265000222", "219000111"], [],
    ),
    "2017-text-status": (
        f"{NOAA_2017}\n367000112,2017-01-15T00:00:07,47.6,-122.3,-0.1,-204.8,511.0,,,,,undefined,,,,\n".encode(),
        "ais-marinecadastre", ["367000112 SOG_SIGN_CORRECTED COG_SIGN_CORRECTED"], [],
    ),
    "2018-transciever": (
        f"{NOAA_2018}\n338000112,2018-06-01T00:00:07,47.6,-122.3,0.0,360.0,511.0,T,IMO0000000,,36,,10,3,,,B\n".encode(),
        "ais-marinecadastre", ["338000112"], [],
    ),
    "2025-lower-case": (
        f"{NOAA_2025}\n367000111,2025-01-01 00:00:03,-122.3,47.6,0.1,133.6,511,T,,,31,0,30,9,3.5,52,A\n".encode(),
        "ais-marinecadastre", ["367000111"], [],
    ),
    "aisdk-2024-01-01": (f"{DANISH}\n{DANISH_ROW}\n".encode(), "ais-dma", ["219000111"], []),
    "M0r13n/pyais 144": (b"[2024-07-19 08:45:27.141] " + ONE, "ais-nmea", ["219000111 TIME_WITHOUT_ZONE"], []),
    "M0r13n/pyais 157": (
        b"!AIVDM,2,1,0,A,8@2R5Ph0GhRbUqe?n>KS?wvlFR06EuOwiOl?wnSwe7wvlOwwsAwwnSGmwvwt,0*4E\n!AIVDM,2,2,0,A,,0*16",
        "ais-nmea", ["002655619 NO_TIME"], [],
    ),
    "M0r13n/pyais 177": (
        tag("s:blah,c:1747818025", ONE) + END + tag("s:blah,c:1747818025", b"!AAVDM,0,1,,B,16UK7Fi0?w,0*0F"),
        "ais-nmea", ["219000111"], ["ais-sentence@2"],
    ),
    "schwehr/libais 235": (
        rb"\s:r1ACE0JVF*27\\c:1628097600,s:AS-SAM-BWBANK,n:27493*24" + b"\\" + ONE,
        "ais-nmea", ["219000111"], [],
    ),
    "schwehr/libais 109": (
        tag("g:1-2-2977,n:24154,c:1434585618", b"$ARFSR,r17AWOM1,000018,A,0017,0,0000,,,-127,*62") + END
        + tag("g:2-2-2977,n:24155", ONE),
        "ais-nmea", ["219000111"], [],
    ),
    "dma-ais/AisLib 66": (
        b"!AIVDM,2,1,2,B,5815Lcp2DqaeKL7;O;45<j1=Tm0PtqV222222216ChPF:5oA0N5Dp40m`888,0*08" + END
        + b"!AIVDM,2,2,6,B,p0kk3k`8880,2*61",
        "ais-nmea", [], ["ais-group@2"] * 2,
    ),
    "dma-ais/AisLib 103": (
        tag("g:1-1-21,s:47450,c:1699113260,i:<S>S</S><O>XSP</O><T>A:1699115144 G:hndgs T:0 </T>", ONE),
        "ais-nmea", ["219000111"], [],
    ),
    "ais-dotnet/Ais.Net 47": (
        END.join([SHIP_1[0], *[ONE] * 2_001, *grouped(list(voyage(2, 1)), 1111, "stA")]),
        "ais-nmea", ["219000111 NO_TIME"] * 2_001 + ["219000002"], ["ais-group@2"],
    ),
    "SignalK/signalk-server 970": (b"\x00" + FIX + END + b"\x00" + ONE, "ais-nmea", ["219000111"], []),
    "google/gps-measurement-tools 17": (b"NMEA," + ONE + b",1567814730009", "ais-nmea", ["219000111"], []),
    "jpilet/anemomind 1138": (
        b"1970-01-01T00:00:29.032: text[NMEA0183 input:0]: " + ONE,
        "ais-nmea", ["219000111 TIME_IMPLAUSIBLE NO_TIME"], [],
    ),
    "eburrows/aislib 2": (
        f"{NOAA_2017}\n271000749,2015-04-06T00:00:19,37.12150,4.999,10.8,-149.6,257,,,,,,,,,\n".encode(),
        "ais-marinecadastre", ["271000749 COG_SIGN_CORRECTED"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_a_file_that_was_found_gives_what_is_in_it(name: str) -> None:
    """Its format, the senders of its records with their flags, what is refused; every byte in one item."""
    data, expected, senders, rules = FOUND[name]
    (form,) = (each for each in OURS.values() if each.matches(data))
    assert form.name == expected
    found = list(form.read(io.BytesIO(data)))
    assert max(span for item in found for span in item.spans)[1] == len(data)
    accepted = [each for each in found if isinstance(each, Accepted)]
    assert encode_all(accepted) == len(accepted)
    assert sorted(map(_sender, accepted)) == sorted(senders)
    assert [each.rule for each in found if isinstance(each, Refused)] == rules
    assert all(each.reason for each in found if isinstance(each, Skipped))


def _sender(item: Accepted) -> str:
    fields: dict[str, Any] = dict(item.drafts[0].fields)
    return " ".join([fields["mmsi"], *(each for each in fields["flags"] if each != "IMO_CHECK_DIGIT")])
