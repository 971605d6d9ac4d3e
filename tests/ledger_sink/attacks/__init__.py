"""The tables of attacks and damages: each row is refused, by name, with the right error."""
