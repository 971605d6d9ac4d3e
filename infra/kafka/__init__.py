"""Kafka: the embedded broker, the topics of the catalogue, and users with their grants."""
