"""Kafka topics into ClickHouse tables, exactly once."""
