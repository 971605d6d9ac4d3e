"""One byte flipped anywhere: `city audit` and `ledger-verify` name it and end with 1."""

from __future__ import annotations

import shutil
import string
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import verify
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.city import City
    from tests.harness.live import LiveCity

TOPIC = "air-quality.reading"
INDEX = "air-quality.index"
BASE64 = string.ascii_letters + string.digits + "+/"


@contextmanager
def flipped(path: Path, at: int = -1, bit: int = 0) -> Iterator[None]:
    """Flip one bit of a byte of a file, and put it back."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[at] ^= 1 << bit
    path.write_bytes(bytes(damaged))
    try:
        yield
    finally:
        path.write_bytes(whole)


def flip_of_digit(checkpoint: Path, *, stays_digit: bool) -> tuple[int, int]:
    """Return a byte of a checkpoint's root and a bit, such that the flipped byte is a base64 digit, or none."""
    data = checkpoint.read_bytes()
    begin = data.index(b"\n", data.index(b"\n") + 1) + 1
    for at in range(begin, begin + 40):
        for bit in range(8):
            flipped_byte = chr(data[at] ^ 1 << bit)
            if (flipped_byte in BASE64) == stays_digit and flipped_byte != "\n":
                return at, bit
    raise AssertionError(data)


@contextmanager
def changed(city: City, place: str) -> Iterator[None]:
    """Change one byte of an archived record's value, and put it back."""
    update = "ALTER TABLE city.records UPDATE value = {} WHERE {} SETTINGS mutations_sync = 2"
    with city.client() as client:
        whole = client.query(f"SELECT hex(value) FROM city.records WHERE {place}").result_rows[0][0]
        client.command(update.format("concat(substring(value, 1, 30), 'X', substring(value, 32))", place))
        try:
            yield
        finally:
            client.command(update.format(f"unhex('{whole}')", place))


def largest(folder: Path, pattern: str) -> Path:
    """Return the largest file of a pattern."""
    return max(folder.glob(pattern), key=lambda path: path.stat().st_size)


@pytest.fixture
def copied(readings: LiveCity, tmp_path: Path) -> Path:
    """A copy of the published ledger: nothing grows in it while it is damaged."""
    ledger = tmp_path / "ledger"

    def whole() -> bool:
        shutil.rmtree(ledger, ignore_errors=True)
        with suppress(shutil.Error):  # a file that the ledger renamed or dropped meanwhile: copy again
            shutil.copytree(readings.city.data / "ledger", ledger, ignore=shutil.ignore_patterns("*.tmp"))
        return verify("--city", ledger, "--policy", ledger / "policy.txt").returncode == 0

    eventually(whole, "a copy verifies")
    return ledger


def damages(ledger: Path, *, stays_digit: bool = True) -> dict[Path, tuple[int, int]]:
    """Return files of three logs that are quiet, and which byte and bit of them to flip.

    Args:
        ledger: The ledger's folder.
        stays_digit: Whether the flipped digit of a checkpoint's root stays a digit of base64.
    """
    logs = [ledger / TOPIC / "0" / "1", ledger / TOPIC / "1" / "1", ledger / INDEX / "0" / "1"]
    return {
        largest(logs[0], "tile/entries/**/*"): (40, 0),
        largest(logs[1], "tile/0/**/*"): (40, 0),
        logs[2] / "checkpoint": flip_of_digit(logs[2] / "checkpoint", stays_digit=stays_digit),
    }


@pytest.mark.timeout(300)
def test_one_flipped_byte_of_a_ledger_is_named_by_the_verifier(copied: Path) -> None:
    """Entry, tile, checkpoint, of a topic's log and of the city's: exit 1 and the file's name."""
    city_log = copied / "city" / "1"
    of_the_city = {
        largest(city_log, "tile/entries/**/*"): (40, 0),
        city_log / "checkpoint": flip_of_digit(city_log / "checkpoint", stays_digit=False),
    }
    for path, (at, bit) in {**damages(copied), **of_the_city}.items():
        with flipped(path, at, bit):
            verdict = verify("--city", copied, "--policy", copied / "policy.txt")
            assert verdict.returncode == 1, f"{path}: {verdict.stdout}"
            assert str(path.relative_to(copied)) in verdict.stdout + verdict.stderr, verdict.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stays_digit", [True, False])
def test_flipped_bytes_of_ledger_and_archive_are_named_by_the_audit(
    readings: LiveCity, stays_digit: bool
) -> None:
    """Three files of three logs, and one record's value in ClickHouse: exit 1, and where they are.

    The checkpoint is damaged so that it can still be parsed, and so that it cannot: records of its log are compared
    all the same.
    """
    ledger = readings.city.data / "ledger"
    damaged = damages(ledger, stays_digit=stays_digit)
    with ExitStack() as stack:
        for path, (at, bit) in damaged.items():
            stack.enter_context(flipped(path, at, bit))
        stack.enter_context(changed(readings.city, f"topic = '{INDEX}' AND partition = 0 AND offset = 5"))
        audit = readings.city.city("audit")
    assert audit.returncode == 1, audit.stdout
    for path in damaged:
        assert str(path.relative_to(ledger)) in audit.stdout, audit.stdout
    assert f"{INDEX}/0 offset 5" in audit.stdout


def test_a_partition_that_kafka_set_aside_is_red_and_fails_the_audit(readings: LiveCity) -> None:
    """Kafka renames its folder; `city status` and `city audit` name it as long as it lies there."""
    stray = readings.city.data / "kafka" / "log" / f"{TOPIC}-9.{0:032x}-stray"
    stray.mkdir()
    (stray / f"{0:020}.log").write_bytes(b"records")
    try:
        status, audit = readings.city.city("status"), readings.city.city("audit")
    finally:
        shutil.rmtree(stray)
    for shown in (status, audit):
        assert shown.returncode == 1, shown.stdout + shown.stderr
        assert str(stray) in shown.stdout
        assert f"rename the folder to {TOPIC}-9" in shown.stdout


def test_a_flipped_byte_of_a_bundle_fails(readings: LiveCity, tmp_path: Path) -> None:
    """A bundle passes as it was made, and no longer with one bit flipped."""
    bundle, policy = tmp_path / "event.evidence", readings.city.data / "ledger" / "policy.txt"
    readings.run("prove", "--topic", TOPIC, "--partition", "0", "--offset", "3", "--output", str(bundle))
    assert verify(bundle, "--policy", policy).returncode == 0
    with flipped(bundle, at=bundle.stat().st_size // 3):
        assert verify(bundle, "--policy", policy).returncode == 1
