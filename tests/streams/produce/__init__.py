"""Tests of `streams/produce/`."""
