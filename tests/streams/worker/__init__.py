"""Tests of `streams/worker/`."""
