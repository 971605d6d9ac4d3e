"""Processes that misbehave on purpose, to show that somebody notices."""
