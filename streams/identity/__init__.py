"""Event ids, salts, pseudonyms and the deployment secret."""
