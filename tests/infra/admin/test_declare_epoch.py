"""`city keys new-epoch` ends no log that could go on, unless it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.admin.produce import declare_epoch
from infra.errors import SettingsError
from infra.settings import Settings
from ledger_sink.format.layout import STATE
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.log.epochs import epochs_of
from ledger_sink.log.name import NO_TOPIC, LogName
from ledger_sink.log.reasons import REFUSED, STOPPED, write_reason
from ledger_sink.log.state import LogState
from ledger_sink.store import FileStore
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = "vehicle.signal"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A stopped city with two logs of the topic, both of five leaves."""
    made = Settings(data=tmp_path)
    store = FileStore(tmp_path / "ledger")
    for partition in range(2):
        name = LogName(made.city, TOPIC, partition)
        store.write({f"{name.folder}/{STATE}": LogState(name.origin, NO_TOPIC, 5, EMPTY_ROOT, 4).encode()})
    return made


def epochs(settings: Settings) -> list[list[int]]:
    """Return the epochs of each partition on disk."""
    store = FileStore(settings.data / "ledger")
    return [epochs_of(store, TOPIC, partition) for partition in range(2)]


def test_sound_logs_do_not_end_by_a_mistake(settings: Settings) -> None:
    """One line that names a log, the command for those who mean it, and nothing is changed."""
    with pytest.raises(SettingsError) as error:
        declare_epoch(settings, load_catalog(), TOPIC)
    assert f"nothing keeps {settings.city}/{TOPIC}/0/1 from going on (and 1 more of its logs)" in str(
        error.value
    )
    assert f"city keys new-epoch {TOPIC} --sound --data {settings.data}" in str(error.value)
    assert epochs(settings) == [[1], [1]]


@pytest.mark.parametrize("why", ["stopped", "refused", "removed", "damaged", "sound"])
def test_a_log_that_cannot_go_on_ends(settings: Settings, why: str) -> None:
    """It stopped, the city log refuses it, its state is gone or damaged; or the operator says so."""
    store, folder = FileStore(settings.data / "ledger"), f"{TOPIC}/1/1"
    if why in {"stopped", "refused"}:
        write_reason(store, folder, STOPPED if why == "stopped" else REFUSED, "a test")
    elif why == "damaged":
        (store.root / folder / STATE).write_bytes(b"{")
    elif why == "removed":
        (store.root / folder / STATE).unlink()
    assert declare_epoch(settings, load_catalog(), TOPIC, sound=why == "sound")
    assert epochs(settings)[1] == [1, 2]
