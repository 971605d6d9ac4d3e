"""Keyed state of rules and its changelog."""
