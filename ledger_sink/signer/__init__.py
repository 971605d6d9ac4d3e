"""The signer process and its client."""
