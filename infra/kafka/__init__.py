"""Kafka: the embedded broker, the topics of the catalogue and who may read them."""
