"""Tests of `infra/clickhouse/migrations/`."""
