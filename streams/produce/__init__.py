"""Producing events to topics."""
