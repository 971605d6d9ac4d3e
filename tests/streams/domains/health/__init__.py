"""Tests of the health domain."""
