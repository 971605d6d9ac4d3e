"""Tests of `ledger_sink/store/`."""
