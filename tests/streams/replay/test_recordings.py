"""Finding recordings: by their bytes, in files and folders, with one clear line where that fails."""

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from streams.domains.air_quality.recordings import BEIJING_PRSA, SEOUL_DAILY
from streams.errors import RecordingError, UnknownFormatError
from streams.readers.source import open_source, shown
from streams.replay.recordings import bundled, check_named, find, formats
from tests.streams.domains.air_quality.test_recordings import (
    BEIJING_ROW,
    beijing,
    seoul,
)

SEOUL = seoul("20210301,강남구,0.022,0.022,0.4,0.003,15,8")
BEIJING = beijing(BEIJING_ROW)


def problem_of(folder: Path) -> str:
    """Tell what is wrong with the only file of a folder."""
    (recording,) = find([folder])
    assert recording.problem is not None
    return recording.problem


def test_formats_are_found_by_folder() -> None:
    """Every domain's readers are there without a list."""
    assert {"seoul-daily", "beijing-prsa"} <= set(formats())
    assert formats()["seoul-daily"].domain == "air_quality"


def test_bundled_recordings_are_recognised() -> None:
    """What comes with the platform can be replayed."""
    found = find(bundled())
    assert [each.problem for each in found] == [None] * len(found)
    assert {each.format.name for each in found if each.format} >= {"seoul-daily", "beijing-prsa"}


@pytest.mark.parametrize("name", ["a.csv", "b.bin", "c.csv.gz", "d"])
@pytest.mark.parametrize(("data", "expected"), [(SEOUL, "seoul-daily"), (BEIJING, "beijing-prsa")])
def test_the_name_says_nothing_the_bytes_do(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    """Plain or gzip, whatever the file is called."""
    for content in (data, gzip.compress(data)):
        path = tmp_path / name
        path.write_bytes(content)
        (found,) = find([path])
        assert found.format is not None
        assert found.format.name == expected
        assert found.sha256 == hashlib.sha256(content).hexdigest()
        assert found.source == f"replay:{found.sha256[:16]}"
        with open_source(path) as stream:
            assert stream.read() == data


def test_a_folder_is_walked_in_order_without_hidden_files(tmp_path: Path) -> None:
    """Sub-folders too; a file that no domain knows is listed with the reason and does no harm."""
    for name, data in {"b/x.csv": SEOUL, "a.csv": BEIJING, "LICENSE": b"free", ".hidden": SEOUL}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = find([tmp_path])
    assert [each.path.name for each in found] == ["LICENSE", "a.csv", "x.csv"]
    assert found[0].format is None
    assert "no known format" in (found[0].problem or "")
    assert [each.problem for each in found[1:]] == [None, None]


def test_a_file_named_twice_is_found_once(tmp_path: Path) -> None:
    """By itself and in its folder."""
    path = tmp_path / "a.csv"
    path.write_bytes(SEOUL)
    assert len(find([path, tmp_path])) == 1


def test_a_named_file_of_unknown_format_is_an_error(tmp_path: Path) -> None:
    """The message names the file and what is known."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(UnknownFormatError, match=r"notes\.txt: no known format \(known: .*seoul-daily"):
        find([path])


def test_an_unknown_format_name_is_an_error() -> None:
    """The message names the formats there are."""
    with pytest.raises(
        UnknownFormatError, match=r"mars: no such format; known are .*beijing-prsa.*, scenario"
    ):
        find([], format_name="mars")


def test_a_format_name_narrows_the_search(tmp_path: Path) -> None:
    """Only that format is looked for."""
    path = tmp_path / "a.csv"
    path.write_bytes(SEOUL)
    assert find([path], format_name=SEOUL_DAILY.name)[0].problem is None
    with pytest.raises(UnknownFormatError):
        find([path], format_name=BEIJING_PRSA.name)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Named, not there."""
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        find([tmp_path / "nothing.csv"])


@pytest.mark.parametrize("kept", [5, 40, -1, -9])
def test_a_cut_gzip_file_is_told_before_anything_is_read(tmp_path: Path, kept: int) -> None:
    """Named it is an error with what to do; in a folder it is listed."""
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(SEOUL)[:kept])
    assert "the gzip file is cut or damaged" in problem_of(tmp_path)
    with pytest.raises(RecordingError, match="fetch it again"):
        find([path])


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    """One bit in the middle, or in the checksum at the end."""
    whole = gzip.compress(BEIJING * 50)
    for place in (len(whole) // 2, len(whole) - 6):
        broken = bytearray(whole)
        broken[place] ^= 1
        (tmp_path / "damaged.gz").write_bytes(broken)
        assert "cut or damaged" in problem_of(tmp_path)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes) -> None:
    """Nothing to read."""
    (tmp_path / "empty.csv").write_bytes(content)
    assert problem_of(tmp_path) == "the file is empty"


@pytest.mark.parametrize("name", [b"ride\xe9.csv", "측정.csv".encode("cp949"), b"a\nb\x1b[2J.csv"])
def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path, name: bytes) -> None:
    """What is printed or published of it is text of printable characters."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118  bytes
    path.write_bytes(SEOUL)
    (found,) = find([path])
    assert found.problem is None
    text = shown(found.path)
    assert text.isprintable()
    assert text.encode().decode() == text
    assert shown(Path("측정 소.csv")) == "측정 소.csv"


def test_nothing_of_a_folder_vanishes(tmp_path: Path) -> None:
    """A pipe, a link to nothing and a link to a folder are listed with the reason; an empty folder is an error."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(RecordingError, match="the folder holds no file"):
        find([empty])
    with pytest.raises(RecordingError, match="the folder holds no file"):
        check_named([empty])
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "linked").symlink_to(empty)
    found = {each.path.name: each.problem or "" for each in find([folder])}
    assert found["pipe"] == "neither a file nor a folder"
    assert "No such file" in found["gone"]
    assert "a link to a folder" in found["linked"]


def test_a_damaged_compressed_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    """The check before the stack's start reads it to its end."""
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(SEOUL * 2_000)[:-9])
    with pytest.raises(RecordingError, match="cut or damaged"):
        check_named([path])


def test_bytes_without_line_ends_are_of_no_known_format(tmp_path: Path) -> None:
    """A large binary file costs no more than its head."""
    (tmp_path / "zeros.bin").write_bytes(bytes(3_000_000))
    assert "no known format" in problem_of(tmp_path)
