"""Encrypts personal fields and erases persons."""
