"""Replays recordings and scenarios into raw topics."""
