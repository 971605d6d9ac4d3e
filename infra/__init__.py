"""Where the platform runs: settings, processes, Kafka, ClickHouse, web, the `city` command."""
