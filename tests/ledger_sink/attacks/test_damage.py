"""Damage by name: each kind of file of a ledger, damaged in each way, is noticed by the readers' own tool and named.

The ledger is of the simulated city, 11 leaves in each partition log and two blocks; `verifier/test_logs.py` flips
further bits and has a log of 70,000 leaves, `test_audit.py` asks `city audit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger_sink.format import Policy
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.trust import Trust
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = {
    "tile of a partition log": "air-quality.reading/0/1/tile/0/000.p/11",
    "entry bundle of a partition log": "air-quality.reading/0/1/tile/entries/000.p/11",
    "checkpoint of a partition log": "air-quality.reading/0/1/checkpoint",
    "control file": "air-quality.reading/0/1/control/0.json",
    "tile of the city log": "city/1/tile/0/000.p/2",
    "block": "city/1/tile/entries/000.p/2",
    "checkpoint and cosignature of the city log": "city/1/checkpoint",
}
WAYS: dict[str, Callable[[bytes], bytes | None]] = {
    "first bit flipped": lambda data: bytes([data[0] ^ 0x80]) + data[1:],
    "a bit in the middle flipped": lambda data: flipped(data, len(data) // 2),
    "last bit flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut by a byte": lambda data: data[:-1],
    "cut to half": lambda data: data[: len(data) // 2],
    "longer by a byte": lambda data: data + b"\x00",
    "twice": lambda data: data + data,
    "empty": lambda _: b"",
    "removed": lambda _: None,
}


def flipped(data: bytes, at: int) -> bytes:
    """One bit of a byte."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_noticed_and_named(tmp_path: Path, kind: str, way: str) -> None:
    """The verdict fails, and a claim that failed names the file."""
    city = small_city()
    trust = Trust(Policy.parse(city.policy()), tuple(log.key.verifier for log in city.partitions))
    ledger = city.write(tmp_path / "ledger")
    assert check_city("ledger", ledger, trust).passed
    path = ledger / KINDS[kind]
    damaged = WAYS[way](path.read_bytes())
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(damaged)
    verdict = check_city("ledger", ledger, trust)
    assert not verdict.passed
    wanting = ("failed", "key missing") if (kind, way) == ("keys", "removed") else ("failed",)
    assert any(KINDS[kind] in claim.words for claim in verdict.claims if claim.status in wanting)


def test_the_citys_own_files_prove_nothing(tmp_path: Path) -> None:
    """State, cover and lock are the writer's; readers pass them by, `city audit` looks at them."""
    city = small_city()
    ledger = city.write(tmp_path / "ledger")
    for name in ("state.json", "cover.json", "lock", "stopped.txt"):
        (ledger / "air-quality.reading/0/1" / name).write_bytes(b"anything")
    assert check_city("ledger", ledger, Trust(Policy.parse(city.policy()))).passed
