"""One folder per domain, as in `streams/domains`."""
