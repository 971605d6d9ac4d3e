"""Verification of source signatures and sequence numbers before any rule."""
