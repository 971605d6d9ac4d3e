"""Checks, encrypts, signs and sends events to topics."""
