"""Tests of the ledger's formats."""
