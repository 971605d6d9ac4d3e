"""Anchors: outside services that say a city checkpoint existed (docs/ledger.md#anchors).

One contract (`contract.py`), its adapters (`timestamp.py`, `evm.py`, `file.py`), the jobs on
disk (`jobs.py`) and who drives them (`keeper.py`). What a receipt shows is `ledger_sink.receipt`'s to say.
"""
