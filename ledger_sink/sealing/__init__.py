"""Kafka records into sealed logs."""
