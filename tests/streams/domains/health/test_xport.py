"""SAS transport files, judged by pandas and by ReadStat, and as damaged as people's files are."""

import io
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.health.xport import Part, member_name, number, parts
from tests.streams.domains.health.transport import as_text, card, header, library, member

ROWS: list[dict[str, Any]] = [
    {"SEQN": 93_703.0, "BMXWT": 70.2, "BMXHT": 170.0},
    {"SEQN": 93_704.0, "BMXWT": None, "BMXHT": 88.6},
    {"SEQN": 93_705.0, "BMXWT": 0.0, "BMXHT": -1e-5},
]


def read(data: bytes) -> list[Part]:
    """Read a file; its parts are all its bytes, in order."""
    found = list(parts(io.BytesIO(data)))
    at = 0
    for part in found:
        assert part.begin == at
        assert part.end > part.begin
        at = part.end
    assert at == len(data)
    return found


def table(data: bytes) -> list[dict[str, Any]]:
    """Return the observations of a file that is not damaged."""
    found = read(data)
    assert [part.reason for part in found if part.kind == "damaged"] == []
    return [
        {name: part.member.value(part.data, name) for name in part.member.variables}
        for part in found
        if part.kind == "observation" and part.member is not None
    ]


def reasons(data: bytes) -> list[str]:
    """Return what is damaged."""
    return [part.reason for part in read(data) if part.kind == "damaged"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("c276a00000000000", -118.625),  # the worked example of the IBM format
        ("4110000000000000", 1.0),
        ("41100000", 1.0),
        ("4110", 1.0),
        ("42640000000000", 100.0),
        ("4019999999999999", 0.1),
        ("0000000000000000", 0.0),
        ("0000", 0.0),
        ("8000000000000000", 0.0),
        ("0010000000000000", 0.0),  # 16^-65, the zero of programs that shift bits
        ("0610000000000000", 0.0),  # 16^-59 is below 1e-70
        ("0710000000000000", 16.0**-58),
        ("7fffffffffffffff", float(16**63)),
        ("2e00000000000000", None),
        ("2e00", None),
        ("5f00000000000000", None),
        ("4100000000000000", None),
        ("5a000000", None),
        ("2e10000000000000", 16.0**-19),
        ("5b00000000000000", 0.0),
    ],
)
def test_a_number_is_an_ibm_float_of_two_to_eight_bytes(text: str, value: float | None) -> None:
    """`.`, `._`, `.A` to `.Z` are missing only without a fraction."""
    found = number(bytes.fromhex(text))
    assert found == value if value is None else found == pytest.approx(value, rel=1e-15, abs=0)


@pytest.mark.parametrize("version", [5, 8])
def test_what_readstat_writes_is_read_as_readstat_reads_it(tmp_path: Path, version: int) -> None:
    """Any number of rows and columns, short texts, missing values; no row more, none less."""
    chance = random.Random(version)
    path = tmp_path / "made.xpt"
    for rows in (0, 1, 2, 3, 7, 33):
        for columns in (1, 2, 3, 11):
            values = {
                f"C{column}": [
                    chance.choice([0.0, None, 70.5, -3.25, 1e-5, chance.random()]) for _ in range(rows)
                ]
                for column in range(columns)
            }
            frame = pd.DataFrame({"SEQN": [93_703.0 + row for row in range(rows)], **values}, dtype=float)
            frame["T"] = [chance.choice(["", "a", "bcd"]) for _ in range(rows)]
            pyreadstat.write_xport(frame, path, table_name="BMX_J", file_format_version=version)
            back, _ = pyreadstat.read_xport(path)
            found = table(path.read_bytes())
            assert len(found) == len(back) == rows
            for mine, theirs in zip(found, back.to_dict("records"), strict=True):
                assert {name: mine[name] or "" for name in ["T"]} == {"T": theirs["T"]}
                for name in frame.columns[:-1]:
                    assert mine[name] == (None if math.isnan(theirs[name]) else theirs[name])


def test_pandas_reads_the_same_of_long_observations(tmp_path: Path) -> None:
    """Where it counts rows right: above 80 bytes. Its zeros are 5.4e-79 (pandas issue 50670)."""
    rows = [{"SEQN": 93_703.0 + at, **{f"V{c}": at / 7 - c for c in range(12)}, "Z": 0.0} for at in range(50)]
    path = tmp_path / "made.xpt"
    path.write_bytes(library(member("BMX_J", rows)))
    frame = pd.read_sas(path, format="xport", encoding="latin-1")
    for mine, theirs in zip(table(path.read_bytes()), frame.to_dict("records"), strict=True):
        assert mine == {name: 0.0 if abs(value) < 1e-70 else value for name, value in theirs.items()}


def test_no_short_observation_is_lost() -> None:
    """Of 1 to 40 observations of 18 bytes. pandas loses the last of some, where it counts blanks as fill."""
    for count in range(1, 41):
        rows = [{"SEQN": 93_703.0 + at, "BMXWT": 70.0, "T": "" if at else "x"} for at in range(count)]
        assert len(table(library(member("BMX_J", rows, lengths={"T": 2})))) == count


@pytest.mark.parametrize("fill", [b" ", b"\0"])
@pytest.mark.parametrize("count", range(1, 12))
def test_the_fill_of_the_last_record_is_no_observation(fill: bytes, count: int) -> None:
    """Blanks by the standard; zero bytes of some programs (xport issue 33); also whole observations of it."""
    rows: list[dict[str, Any]] = [{"SEQN": 93_703.0 + at, "T": ""} for at in range(count)]
    found = read(library(member("DEMO_J", rows, lengths={"T": 1}, fill=fill)))
    kinds = Counter(part.kind for part in found)
    assert kinds["observation"] == count
    assert kinds["damaged"] == 0


def test_a_text_of_blanks_at_the_end_is_kept() -> None:
    """The last observation ends with blanks, as the fill does."""
    rows: list[dict[str, Any]] = [{"SEQN": 93_703.0 + at, "T": "" if at else "x"} for at in range(3)]
    assert len(table(library(member("DEMO_J", rows, lengths={"T": 24})))) == 3


def test_every_data_set_of_a_file_is_read() -> None:
    """Programs that read on take the second header for observations."""
    other = [{"SEQN": 1.0, "RIAGENDR": 2.0}]
    data = library(member("BMX_J", ROWS), member("DEMO_J", other), member("BMX_I", ROWS[:1]))
    assert table(data) == [*ROWS, *other, *ROWS[:1]]
    assert [part.member.name for part in read(data) if part.kind == "header" and part.member] == [
        "BMX_J",
        "DEMO_J",
        "BMX_I",
    ]


@pytest.mark.parametrize(
    "count", [None, b"0" * 15, b" " * 15, b"000000000000002", b"000000000000099", b"99999999999999x"]
)
def test_version_8_is_read_whatever_it_says_of_its_observations(count: bytes | None) -> None:
    """Haven left the number out, and SAS read nothing (haven issue 756, ReadStat issue 322)."""
    rows = [{**row, "A_LONG_NAME_OF_A_VARIABLE": 1.0} for row in ROWS]
    labels = header(b"LABELV8", b"1".ljust(30)) + card(b"\0\1\0\5\0\5a long label")
    data = library(member("A_LONG_NAME", rows, version=8, count=count, labels=labels), version=8)
    assert table(data) == rows
    assert member_name(data[:720]) == "A_LONG_NAME"


def test_descriptions_of_136_bytes_are_read() -> None:
    """VAX and VMS wrote them."""
    assert table(library(member("BMX", ROWS, described=136))) == ROWS


def test_numbers_shorter_than_eight_bytes_are_read() -> None:
    """Truncated floats: jcushman/xport issue 2."""
    rows = [{"SEQN": 93_703.0, "BMXWT": 70.5, "BMXHT": None}]
    assert table(library(member("BMX", rows, lengths={"SEQN": 5, "BMXWT": 3, "BMXHT": 2}))) == rows


def test_a_file_that_was_copied_as_text_says_so() -> None:
    """A DEMO.XPT in a public repository has 6,847 of these; pandas says KeyError(0)."""
    rows = [{"SEQN": 93_703.0 + at, **{f"V{c}": 10.0 for c in range(12)}} for at in range(9)]
    data = library(member("DEMO", rows))
    assert reasons(data) == []
    (reason,) = reasons(as_text(data))
    assert "copied as text" in reason


def test_a_page_that_says_not_found_is_no_data_set() -> None:
    """What many a BMX_J.XPT on people's disks is."""
    assert reasons(b"<!DOCTYPE html>\n<title>Page Not Found | CDC</title>\n" * 9) == [
        "the file holds no data set: fetch it again"
    ]


def test_a_file_that_is_cut_anywhere_keeps_what_is_whole() -> None:
    """Observations before the cut are read; no byte is left out."""
    data = library(member("BMX_J", ROWS))
    begins = [part.begin for part in read(data) if part.kind == "observation"]
    for cut in range(len(data)):
        found = read(data[:cut]) if cut else []
        whole = sum(part.kind == "observation" for part in found)
        assert whole == sum(begin + 24 <= cut for begin in begins)


@given(
    at=st.integers(0, 1_500),
    change=st.binary(max_size=12),
    drop=st.integers(0, 200),
    version=st.sampled_from([5, 8]),
)
def test_whatever_is_damaged_every_byte_is_accounted_for(
    at: int, change: bytes, drop: int, version: int
) -> None:
    """Nothing is raised."""
    data = library(member("BMX_J", ROWS, version=version), version=version)
    read((data[:at] + change + data[at + drop :]) or b"x")
