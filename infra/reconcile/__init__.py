"""The counts of every topic, and whether they agree (docs/counts.md)."""
