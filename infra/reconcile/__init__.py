"""Counts of every topic and whether they agree."""
