"""ClickHouse: the HTTP server over the embedded engine, and the migrations for it or for a ClickHouse server."""
