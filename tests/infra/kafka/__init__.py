"""Tests of the embedded Kafka, its topics and its access."""
