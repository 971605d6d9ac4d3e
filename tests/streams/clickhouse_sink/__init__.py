"""Tests of `streams/clickhouse_sink/`."""
