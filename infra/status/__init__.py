"""The live status of a stack, and its views in the terminal and as pictures."""
