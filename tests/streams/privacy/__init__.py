"""Tests of `streams/privacy/`."""
