"""What outside services say of a city checkpoint, and what of it holds: pure, offline, no clock.

Bytes and the reader's own trust in, a `Attestation` or an error of `receipt.errors` out. The platform's adapters
(`ledger_sink.anchor`) and the auditors' verifier use the same functions. RFC 3161 needs `rfc3161-client`,
Ethereum `pycryptodome` (both: `city-telemetry[anchors]`); where one is missing, nothing is claimed.
"""
