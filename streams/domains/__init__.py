"""One folder per event domain: its rules, its agents, its recordings. The platform finds a folder by its name."""
