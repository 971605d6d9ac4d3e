"""Logs on disk: names, tiles, state, epochs, verifier keys."""
