"""Tests of `streams/replay/`."""
