"""Audits the whole ledger against Kafka and the archive."""
