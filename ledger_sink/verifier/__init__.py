"""The auditor's tool `ledger-verify`: checks evidence and ledgers offline, by the auditor's own keys.

It imports `ledger_sink.format` and the standard library only, so it runs from the wheel alone with
`cryptography`.
"""
