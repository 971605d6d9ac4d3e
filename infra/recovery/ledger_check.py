"""The city log compared with what its signer signed, before anything starts.

A state is durable before its size is signed (docs/ledger.md#sequencing). So a signed size above the log's own says that
the ledger was restored older, or lost. It cannot be made again, and a start would only write into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.recovery.errors import StoresDisagreeError
from ledger_sink.city_log.state import read_city_state
from ledger_sink.errors import LedgerError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import log_path
from ledger_sink.signer.server import read_signed_heads
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from infra.settings import Settings


def require_newest_ledger(settings: Settings) -> None:
    """Refuse a city log that is shorter than what was signed of it; damage is left to the signer and the ledger.

    Raises:
        StoresDisagreeError: The ledger is older than its signer's memory.
    """
    origin = city_origin(settings.city)
    store = FileStore(settings.data / "ledger")
    try:
        signed, _ = read_signed_heads(FileStore(settings.data / "keys")).get(origin, (0, b""))
        state = read_city_state(store, log_path(origin))
    except LedgerError:
        return
    size = 0 if state is None else state.size
    if state is None and store.listing(log_path(origin)):
        return  # the state alone is missing: the ledger says so
    if size < signed:
        raise StoresDisagreeError(
            f"the ledger is older than what was signed of it: {store.root / log_path(origin)} has {size} blocks, "
            f"{signed} were signed; put the newest ledger/ back, or restore all stores from one backup: "
            "city restore BACKUP --data NEW (docs/recovery.md#ledger-is-older)"
        )
