"""Encryption of personal fields and erasure of persons."""
