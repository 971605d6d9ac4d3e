"""HTTP server in front of the embedded ClickHouse engine."""
