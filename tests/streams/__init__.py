"""Tests of how events move."""
