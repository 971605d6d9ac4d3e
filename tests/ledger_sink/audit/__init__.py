"""Tests of `ledger_sink/audit/`."""
