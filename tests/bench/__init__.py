"""Benchmarks against peers; they print, they do not assert."""
