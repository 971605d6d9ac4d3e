"""Reads source records from recordings and scenarios."""
