"""Signatures of sources: did:key, statements, signers."""
