"""Tests of `ledger_sink/prove/`."""
