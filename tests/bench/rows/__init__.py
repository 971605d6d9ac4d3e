"""Rows of benchmarks, found by their place."""
