"""Seals Kafka records: appends leaves to partition logs and publishes checkpoints."""
