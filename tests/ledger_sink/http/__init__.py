"""HTTP between ledger processes."""
