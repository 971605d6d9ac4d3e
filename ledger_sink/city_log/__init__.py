"""The city log: blocks of partition checkpoints."""
