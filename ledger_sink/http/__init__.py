"""HTTP client and server of the ledger's processes, on the standard library alone."""
