"""The stack of one data directory: its roles, its stores, and `city up`."""
