"""One folder per event domain: its rules, its agents, its recordings. Found by name; listed nowhere."""
