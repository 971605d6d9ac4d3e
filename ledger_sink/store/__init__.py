"""Stores of a ledger's files: one contract, implemented on disk and in memory."""

from ledger_sink.store.contract import Store
from ledger_sink.store.files import FileStore
from ledger_sink.store.memory import MemoryStore

__all__ = ["FileStore", "MemoryStore", "Store"]
