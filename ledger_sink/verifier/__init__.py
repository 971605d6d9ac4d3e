"""The auditor's tool `ledger-verify`: verifies evidence and ledgers under the auditor's own keys.

Every check returns a `Verdict`: one claim per step, and a list of what the verification does not show. Bundles,
directories and exports need no network.

The package imports `ledger_sink.format`, `ledger_sink.receipt`, `ledger_sink.bounded_http` and the standard library
only. Their one required dependency is `cryptography`, so the tool runs from the wheel alone. `--kafka` also loads
`confluent-kafka`.
"""
