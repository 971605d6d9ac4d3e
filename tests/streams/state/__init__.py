"""Tests of `streams/state/`."""
