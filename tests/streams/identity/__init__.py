"""Tests of `streams/identity/`."""
