"""Typed tables made again from the archive, beside the stored ones: to compare them, and to replace them."""
