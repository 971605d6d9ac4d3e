"""The witness process and its client."""
