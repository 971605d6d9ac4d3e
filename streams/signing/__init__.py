"""Signatures of sources: did:key, signed statements, private keys."""
