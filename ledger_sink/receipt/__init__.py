"""Receipts of outside services for a city checkpoint: their formats and their offline verification.

Functions are pure and read no clock. They take bytes and the reader's own trust, and return an `Attestation` or raise
an error of `receipt.errors`. The platform's adapters (`ledger_sink.anchor`) and the auditors' verifier share them.
RFC 3161 receipts need `rfc3161-client`, Ethereum receipts `pycryptodome` (both: `city-telemetry[anchors]`). Without
the library such a receipt is reported as not checked.
"""
