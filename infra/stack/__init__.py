"""The stack: its roles, stores and `city up`."""
