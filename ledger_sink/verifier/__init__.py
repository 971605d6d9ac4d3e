"""The auditor's tool `ledger-verify`: checks evidence and ledgers offline, by the auditor's own keys.

It imports `ledger_sink.format`, `ledger_sink.receipt` and the standard library only; their one dependency is
`cryptography`, so it runs from the wheel alone. `--kafka` also loads `confluent-kafka`, where that is installed.
"""
