"""Verification of source signatures and sequence numbers."""
