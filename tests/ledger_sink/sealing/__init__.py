"""Tests of `ledger_sink/sealing/`."""
