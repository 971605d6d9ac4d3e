"""Event ids, salts and pseudonyms."""
