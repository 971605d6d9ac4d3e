"""Tests of `streams/provenance/`."""
