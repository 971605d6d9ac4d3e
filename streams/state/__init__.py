"""Keyed state of rules, kept in and restored from a changelog."""
