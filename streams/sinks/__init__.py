"""Where topics end: sinks that carry records out of Kafka."""
