"""Files that wait, never end, nest or lie: one line, an exit code, bounded time and memory."""

from __future__ import annotations

import json
import os
import socket
import struct
import tracemalloc
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from ledger_sink.format import layout
from ledger_sink.format.stored_zip import write_zip
from ledger_sink.verifier.bounded_json import MAX_ITEMS, parse_json
from ledger_sink.verifier.cli import main
from tests.ledger_sink.simulated_city import small_city
from tests.ledger_sink.verifier.test_records import line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CITY = small_city()
MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An auditor's folder: a ledger, a bundle, a policy."""
    CITY.write(tmp_path / "ledger")
    (tmp_path / "policy.txt").write_bytes(CITY.policy())
    (tmp_path / "event.evidence").write_bytes(CITY.evidence(CITY.partitions[0], 3).encode())
    return tmp_path


def verify(folder: Path, *words: str) -> int:
    """Run the command in a folder; its exit code."""
    policy = [] if "--policy" in words else ["--policy", str(folder / "policy.txt")]
    return main([*words, *policy, "--no-remember"] if "--state" not in words else [*words, *policy])


def sparse(path: Path) -> None:
    """Make a file of 10 GB that takes no room."""
    with path.open("wb") as file:
        file.truncate(10 << 30)


def bound(path: Path) -> None:
    """Make a socket."""
    place = os.open(path.parent, os.O_RDONLY)
    here = os.open(".", os.O_RDONLY)
    try:
        os.fchdir(place)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)
        os.close(place)


KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "tty": lambda path: path.symlink_to("/dev/tty"),
    "folder": lambda path: path.mkdir(),
    "loop": lambda path: path.symlink_to(path.name),
    "sparse": sparse,
    "socket": bound,
}
PLACES = {
    "bundle": ["ODD"],
    "policy": ["event.evidence", "--policy", "ODD"],
    "keys": ["event.evidence", "--keys", "ODD"],
    "key": ["event.evidence", "--key", "ODD"],
    "root": ["event.evidence", "--tsa-root", "ODD"],
    "copy": ["event.evidence", "--anchor-copy", "ODD"],
    "records": ["--city", "ledger", "--records", "ODD"],
    "password": ["--city", "ledger", "--archive", "http://127.0.0.1:1/", "--password-file", "ODD"],
    "state": ["event.evidence", "--state", "ODD"],
    "consistency": ["--consistency", "ODD", "ledger/city/1/checkpoint"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_named_file_is_the_command_ends(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each place of the command line: exit code 3 and one line that names the file."""
    monkeypatch.chdir(folder)
    KINDS[kind](folder / "ODD")
    for name, words in PLACES.items():
        tracemalloc.start()
        code = verify(folder, *words)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        told = capsys.readouterr().err
        assert (code, told.count("\n"), "ODD" in told) == (3, 1, True), (name, code, told)
        assert peak < 64 * MIB, (name, peak)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["city/1/checkpoint", "air-quality.reading/0/1/tile/0/000.p/11", "keys.txt"])
def test_whatever_a_file_of_a_ledger_is_it_is_named(
    folder: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A FIFO, device, folder or loop could not be read; what is too long does not hold."""
    (folder / "ledger" / name).unlink()
    KINDS[kind](folder / "ledger" / name)
    code = verify(folder, "--city", str(folder / "ledger"))
    assert code == (1 if kind == "sparse" else 4 if name == "keys.txt" else 3)
    assert name in capsys.readouterr().out


def zip_of(*entries: tuple[bytes, bytes], method: int = 0, claimed: int | None = None) -> bytes:
    """Make a zip by hand, with names and sizes that no writer would choose."""
    body = b""
    for name, data in entries:
        size = len(data) if claimed is None else claimed
        body += struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 10, 0, method, 0, 33, crc32(data), len(data), size, len(name), 0
        )
        body += name + data
    return body + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), 0, len(body), 0)


BUNDLES = {
    "bomb": zip_of((b"leaf.bin", b"x" * 1000), method=8, claimed=1 << 31),
    "many": zip_of(*((b"a%d" % i, b"") for i in range(2000))),
    "nested": zip_of((b"a.zip", zip_of((b"a.zip", b"PK\x03\x04")))),
    "twice": zip_of((b"leaf.bin", b"x"), (b"leaf.bin", b"y")),
    "absolute": zip_of((b"/etc/passwd", b"x")),
    "climbing": zip_of((b"../../x", b"x")),
    "overlapping": zip_of((b"a", b"x")) + zip_of((b"a", b"x")),
    "strange-files": write_zip({"manifest.json": b"[" * 100_000, "leaf.bin": b"\xff" * 50}),
    "no-zip": b"\x1f\x8b" + b"x" * 1000,
    "empty": b"",
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_hostile_archive_is_no_bundle(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Compressed, nested, doubled, climbing: exit code 1, and nothing is unpacked anywhere."""
    (folder / "odd.evidence").write_bytes(BUNDLES[name])
    assert verify(folder, str(folder / "odd.evidence")) == 1
    assert capsys.readouterr().out.startswith("does not hold: The bundle is not whole")
    assert not (folder / "etc").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 4000 + b"]" * 4000, b"[" * 10_000_000, b"9" * 5000, b"NaN", b"[Infinity]", b'{"a":1,"a":2}', b"\xff",
        b"", b"[" + b"1," * (MAX_ITEMS + 1) + b"1]", b'"' + b"a" * 100, b"{}" * 6000,
    ],
)  # fmt: skip
def test_hostile_json_is_a_value_error(text: bytes) -> None:
    """Deep, endless, ambiguous or no JSON at all."""
    with pytest.raises(ValueError):
        parse_json(text)


def test_an_export_with_a_member_twice_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two readers would see two records in such a line."""
    text = json.dumps(line("air-quality.reading", 0, (0, 1, 2, None, None, ())))
    (folder / "export.jsonl").write_text(text[:-1] + ', "offset": 1}\n')
    assert verify(folder, "--city", str(folder / "ledger"), "--records", str(folder / "export.jsonl")) == 3
    assert "line 1: a member stands twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", [b"log x\n" * 1_000_000, b"#\n" * 10_001, b"\xff\xfe", b"log " + b"A" * 900_000]
)
def test_a_hostile_policy_is_one_line(folder: Path, text: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Too many lines, too long, no text: exit code 2 (malformed) or 3 (too long)."""
    (folder / "odd.txt").write_bytes(text)
    assert verify(folder, str(folder / "event.evidence"), "--policy", str(folder / "odd.txt")) in (2, 3)
    assert capsys.readouterr().err.count("\n") == 1


def test_many_strange_files_are_passed_by_in_little_memory(folder: Path) -> None:
    """3,000 further files among the tiles, and a link to a folder outside: the verdict is the same."""
    tiles = folder / "ledger" / layout.log_path(CITY.partitions[0].origin) / "tile"
    for number in range(3_000):
        (tiles / f"strange-{number}").touch()
    (tiles / "outside").symlink_to("/")
    tracemalloc.start()
    code = verify(folder, "--city", str(folder / "ledger"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == 0
    assert peak < 8 * MIB, peak


def test_a_forged_size_is_not_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint that claims 2^62 entries and is not signed ends at once; the log is read up to its newest block."""
    name = layout.log_path(CITY.partitions[0].origin)
    path = folder / "ledger" / name / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n11\n", b"\n%d\n" % (1 << 62), 1))
    assert verify(folder, "--city", str(folder / "ledger")) == 1
    assert f"{name}/checkpoint: " in capsys.readouterr().out
