"""Tests of `infra/clickhouse/server/`."""
