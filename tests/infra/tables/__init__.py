"""Tests of the typed tables' audit and rebuild."""
