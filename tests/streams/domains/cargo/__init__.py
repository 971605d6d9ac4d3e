"""The cargo domain: check digits, rules of the standards, the round of a container, its files."""
