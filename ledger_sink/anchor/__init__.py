"""Anchors: outside services that attest that a city checkpoint existed (docs/ledger.md#anchors).

The package has one contract (`contract.py`), its adapters (`timestamp.py`, `evm.py`, `file.py`), the jobs on disk
(`jobs.py`) and the scheduler that runs them (`scheduler.py`). `ledger_sink.receipt` defines and verifies receipts.
"""
