"""Where a ledger's files are kept: one contract, peers in memory and on disk."""

from ledger_sink.store.contract import Store
from ledger_sink.store.files import FileStore
from ledger_sink.store.memory import MemoryStore

__all__ = ["FileStore", "MemoryStore", "Store"]
