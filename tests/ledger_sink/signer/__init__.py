"""Tests of `ledger_sink/signer/`."""
