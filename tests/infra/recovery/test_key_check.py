"""A directory that was restored without its keys is refused before a start makes others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.recovery.errors import KeysMissingError
from infra.recovery.key_check import require_keys
from infra.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("keys/ledger-master.seed", "keys/deployment.secret", "witness/witness.seed")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A city that sealed a record, with its keys."""
    for name in (*KEYS, "ledger/city/1/checkpoint", "ledger/vehicle.signal/0/1/checkpoint"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return Settings(data=tmp_path)


def test_a_city_with_its_keys_and_a_new_one_may_start(settings: Settings, tmp_path: Path) -> None:
    """Also one whose first start was killed before it sealed anything."""
    require_keys(settings)
    require_keys(replace(settings, data=tmp_path / "new"))
    for name in (*KEYS, "ledger/vehicle.signal/0/1/checkpoint"):
        (tmp_path / name).unlink()
    require_keys(settings)


@pytest.mark.parametrize("lost", [KEYS, KEYS[:1], KEYS[1:2]])
def test_lost_keys_are_named_and_nothing_is_made(
    settings: Settings, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    """Directory, files, what to do; exit code 2."""
    for name in lost:
        (tmp_path / name).unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(KeysMissingError) as error:
        require_keys(settings)
    assert f"({', '.join(lost)})" in str(error.value)
    assert str(error.value).startswith(f"{tmp_path}: ")
    assert error.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_keys_that_others_keep_are_not_missed(settings: Settings, tmp_path: Path) -> None:
    """A signer and a witness elsewhere have theirs."""
    (tmp_path / KEYS[0]).unlink()
    (tmp_path / KEYS[2]).unlink()
    require_keys(replace(settings, signer="http://127.0.0.1:1", witness="http://127.0.0.1:2"))
