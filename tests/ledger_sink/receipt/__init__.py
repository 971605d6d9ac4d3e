"""Tests of receipts: parsers and proofs, offline."""
