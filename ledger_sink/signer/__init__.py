"""The signer: its process, its protocol and its client."""
