"""Boards: every query runs, every name is known."""
