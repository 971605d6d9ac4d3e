"""The web process: status page, metrics, schema registry, ledger files, evidence."""
