"""The SDK of subscribers, against the real broker."""
