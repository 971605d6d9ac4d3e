"""The HTTP server over the embedded ClickHouse engine."""
