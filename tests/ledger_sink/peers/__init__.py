"""Other people's programs judge our ledger and our witness."""
