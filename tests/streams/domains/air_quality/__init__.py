"""The air-quality domain: its vectors, its properties, its files."""
