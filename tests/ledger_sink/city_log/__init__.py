"""Tests of `ledger_sink/city_log/`."""
