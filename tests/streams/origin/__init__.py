"""Tests of `streams.origin`."""
