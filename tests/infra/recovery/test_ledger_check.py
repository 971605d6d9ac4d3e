"""A ledger that was restored older than its signer's memory is refused before anything starts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from infra.recovery.errors import StoresDisagreeError
from infra.recovery.ledger_check import require_newest_ledger
from infra.settings import Settings
from ledger_sink.city_log.state import CityState
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import log_path
from ledger_sink.signer.server import SIGNED_HEADS_NAME, encode_signed_heads
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = city_origin("city.example")
STATE = f"{log_path(ORIGIN)}/state.json"


def laid(data: Path, size: int, signed: int) -> Settings:
    """Lay a city log of a size, and the signer's memory of one."""
    FileStore(data / "ledger").write({STATE: CityState(ORIGIN, size).encode()})
    heads = encode_signed_heads({ORIGIN: (signed, bytes(32))})
    FileStore(data / "keys").write({SIGNED_HEADS_NAME: heads})
    return Settings(data=data)


def test_a_log_that_is_as_long_as_signed_or_longer_is_taken(tmp_path: Path) -> None:
    """Longer: the process ended between state and signature. A directory without a ledger is a first start."""
    require_newest_ledger(Settings(data=tmp_path))
    for size in (5, 6):
        require_newest_ledger(laid(tmp_path, size, 5))


def test_a_shorter_log_or_none_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """The line has both sizes and the command."""
    settings = laid(tmp_path, 4, 5)
    with pytest.raises(StoresDisagreeError, match=r"has 4 blocks, 5 were signed.*city restore BACKUP"):
        require_newest_ledger(settings)
    shutil.rmtree(tmp_path / "ledger")
    with pytest.raises(StoresDisagreeError, match="has 0 blocks, 5 were signed"):
        require_newest_ledger(settings)


def test_damage_is_left_to_those_who_name_it(tmp_path: Path) -> None:
    """A state that is gone or unreadable beside other files stops the log alone, with its own line."""
    settings = laid(tmp_path, 4, 5)
    state = tmp_path / "ledger" / STATE
    state.write_bytes(b"x")
    require_newest_ledger(settings)
    state.with_name("checkpoint").write_bytes(b"x")
    state.unlink()
    require_newest_ledger(settings)
