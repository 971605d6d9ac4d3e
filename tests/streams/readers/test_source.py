"""Opening a source: compressed forms and UTF-16 give the same bytes; what is damaged is told."""

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from streams.readers.source import HEAD_BYTES, SourceError, head_of, measure, open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = "측정일시,측정소명\r\n20210301,강남구\r\n" * 5_000
DATA = TEXT.encode()


def zipped(*names: str) -> bytes:
    """Pack the data under each name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, DATA)
    return packed.getvalue()


FORMS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: DATA,
    "gzip": lambda: gzip.compress(DATA),
    "two gzip members": lambda: gzip.compress(DATA[:100]) + gzip.compress(DATA[100:]),
    "zstd": lambda: zstd.compress(DATA),
    "two zstd frames": lambda: zstd.compress(DATA[:100]) + zstd.compress(DATA[100:]),
    "zip": lambda: zipped("a.csv"),
    "zip in a folder, made by macOS": lambda: zipped("x/a.csv", "__MACOSX/x/._a.csv", "x/.DS_Store"),
    "UTF-16, little endian": lambda: b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16, big endian": lambda: b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 in gzip": lambda: gzip.compress(TEXT.encode("utf-16")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    """From the beginning, again after a rewind, and from a place in the middle."""
    path = tmp_path / "it"
    path.write_bytes(FORMS[form]())
    assert measure(path) == len(DATA)
    head = head_of(path)
    assert head
    assert DATA.startswith(head)
    with open_source(path) as stream:
        assert stream.read() == DATA
        assert stream.seek(0) == 0
        assert stream.read(10) == DATA[:10]
        assert stream.seek(70_000) == 70_000
        assert stream.tell() == 70_000
        assert stream.read() == DATA[70_000:]


@pytest.mark.parametrize("form", [form for form in FORMS if "gzip" in form or "z" in form.split()[0]])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_cut_file_is_told(tmp_path: Path, form: str, kept: float) -> None:
    """Before anything of it is used."""
    whole = FORMS[form]()
    path = tmp_path / "it"
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(SourceError, match="cut"):
        measure(path)
    try:
        head_of(path)
    except SourceError:
        assert "zip" in form


def test_a_cut_utf16_text_is_told(tmp_path: Path) -> None:
    """Half a character at its end."""
    path = tmp_path / "it"
    path.write_bytes(b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1])
    with pytest.raises(SourceError, match="not whole UTF-16"):
        measure(path)


def test_xml_keeps_its_encoding(tmp_path: Path) -> None:
    """Its parser reads the declaration; the format is recognised by UTF-8 all the same."""
    path = tmp_path / "it"
    data = '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16")
    path.write_bytes(data)
    with open_source(path) as stream:
        assert stream.read() == data
    assert head_of(path).startswith(b"<?xml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: zipped("a.csv", "b.csv"), "a zip of 2 files; unpack it and name its folder"),
        (lambda: zipped("x/"), "a zip of 0 files"),
        (
            lambda: zipped("[Content_Types].xml", "xl/workbook.xml"),
            "an office document; save its table as CSV",
        ),
    ],
)
def test_a_zip_of_none_or_several_says_what_to_do(
    tmp_path: Path, data: Callable[[], bytes], reason: str
) -> None:
    """It is not guessed which one is meant."""
    path = tmp_path / "it"
    path.write_bytes(data())
    for opens in (open_source, measure, head_of):
        with pytest.raises(SourceError) as told:
            opens(path)
        assert reason in str(told.value)


@pytest.mark.parametrize(
    "data",
    [
        lambda: zipped("a.csv") + zipped("b.csv"),
        lambda: zipped("a.csv") + b"\0" * 9,
        lambda: b"x" + zipped("a.csv"),
    ],
)
def test_nothing_stands_beside_a_zip_archive(tmp_path: Path, data: Callable[[], bytes]) -> None:
    """Of two archives in one file, one would be lost."""
    path = tmp_path / "it"
    path.write_bytes(data())
    with (
        pytest.raises(SourceError, match="before or behind the zip") if data()[:2] == b"PK" else nullcontext()
    ):
        measure(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_told_whatever_its_method(tmp_path: Path, method: int) -> None:
    """Any byte of it may be another one: it is read, or told."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("측정.csv", DATA[:3_000])
    path = tmp_path / "it"
    for place in range(0, len(packed.getvalue()), 3):
        broken = bytearray(packed.getvalue())
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        for opens in (head_of, measure):
            with suppress(SourceError, OSError):
                opens(path)


def test_the_end_of_utf16_text_can_be_sought(tmp_path: Path) -> None:
    """As that of any file."""
    path = tmp_path / "it"
    path.write_bytes(TEXT.encode("utf-16"))
    with open_source(path) as stream:
        assert stream.seek(0, io.SEEK_END) == len(DATA)
        assert stream.seek(0) == 0
        assert stream.read() == DATA


def test_what_expands_beyond_measure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb of zeros is not read to its end."""
    monkeypatch.setattr("streams.readers.source.FREE_BYTES", 1 << 20)
    path = tmp_path / "it"
    path.write_bytes(zstd.compress(bytes(50 << 20)))
    assert path.stat().st_size < 50_000
    with pytest.raises(SourceError, match="expands to more than"):
        measure(path)
    assert len(head_of(path)) == HEAD_BYTES
