"""The platform's own pages: status, metrics, schema registry, ledger tiles."""
