"""Tests of `ledger_sink/witness/`."""
