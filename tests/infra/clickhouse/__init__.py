"""The HTTP door over the embedded ClickHouse engine, and the migrations."""
