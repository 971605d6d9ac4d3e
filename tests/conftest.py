"""Session fixtures: one real Kafka and one real ClickHouse engine for the whole run."""

pytest_plugins = [
    "tests.fixtures.catalog",
    "tests.fixtures.kafka",
    "tests.fixtures.clickhouse",
    "tests.fixtures.stack",
]
