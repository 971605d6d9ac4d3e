"""One byte flipped anywhere: `city audit` and `ledger-verify` name it and end with 1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.city import REPOSITORY, City, interrupt
from tests.end_to_end.test_stacks import wait_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOPIC = "air-quality.reading"
INDEX = "air-quality.index"


@contextmanager
def flipped(path: Path, at: int = -1) -> Iterator[None]:
    """Flip one bit of a byte of a file, and put it back."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[at] ^= 1
    path.write_bytes(bytes(damaged))
    try:
        yield
    finally:
        path.write_bytes(whole)


def verify(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `ledger-verify` as an auditor does who sees this ledger for the first time."""
    return subprocess.run(
        [sys.executable, "-m", "ledger_sink.verifier.cli", *words, "--no-remember"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def largest(folder: Path, pattern: str) -> Path:
    """Return the largest file of a pattern."""
    return max(folder.glob(pattern), key=lambda path: path.stat().st_size)


@pytest.mark.timeout(600)
def test_one_flipped_byte_is_named_wherever_it_is(make_city: Callable[..., City], undisturbed: City) -> None:
    """Archive row, entry, tile, block, checkpoint, bundle: named by audit or verifier, or both; exit 1."""
    city = make_city()
    shutil.copytree(undisturbed.data, city.data, symlinks=True)
    ledger, policy = city.data / "ledger", str(city.data / "ledger" / "policy.txt")
    live = city.start(
        "--recordings", str(next(iter((REPOSITORY / "streams").glob("domains/*/excerpts/mcycle*"))))
    )
    try:
        wait_ready(city)
        audit = city.city("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr
        assert verify("--city", str(ledger), "--policy", policy).returncode == 0

        logs = [ledger / TOPIC / "0" / "1", ledger / TOPIC / "1" / "1", ledger / INDEX / "0" / "1"]
        damaged = {
            largest(logs[0], "tile/entries/**/*"): 40,
            largest(logs[1], "tile/0/**/*"): 40,
            logs[2] / "checkpoint": 60,
        }
        chain = {
            largest(ledger / "city" / "1", "tile/entries/**/*"): 40,
            ledger / "city" / "1" / "checkpoint": 60,
        }
        for path, at in {**damaged, **chain}.items():
            with flipped(path, at):
                verdict = verify("--city", str(ledger), "--policy", policy)
                assert verdict.returncode == 1, f"{path}: {verdict.stdout}"
                assert str(path.relative_to(ledger)) in verdict.stdout + verdict.stderr, verdict.stdout
        with ExitStack() as stack:
            for path, at in damaged.items():
                stack.enter_context(flipped(path, at))
            audit = city.city("audit")
        assert audit.returncode == 1, audit.stdout
        for path in damaged:
            assert str(path.relative_to(ledger)) in audit.stdout, audit.stdout

        bundle = city.data / "event.evidence"
        proved = city.city(
            "prove", "--topic", TOPIC, "--partition", "0", "--offset", "3", "--output", str(bundle)
        )
        assert proved.returncode == 0, proved.stderr
        assert verify(str(bundle), "--policy", policy).returncode == 0
        with flipped(bundle, at=bundle.stat().st_size // 3):
            assert verify(str(bundle), "--policy", policy).returncode == 1

        city.client().command(
            "ALTER TABLE city.records UPDATE value = concat(substring(value, 1, 30), 'X', substring(value, 32)) "
            f"WHERE topic = '{TOPIC}' AND partition = 0 AND offset = 5 SETTINGS mutations_sync = 2"
        )
        audit = city.city("audit")
        assert audit.returncode == 1
        assert f"{TOPIC}/0 offset 5" in audit.stdout
    finally:
        interrupt(live)
