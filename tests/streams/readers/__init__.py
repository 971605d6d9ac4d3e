"""Tests of `streams/readers/`."""
