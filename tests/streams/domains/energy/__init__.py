"""The energy domain: its identities, its clocks, its files, its community."""
