"""One board per domain, found by name; each module has `board(catalog)`."""
