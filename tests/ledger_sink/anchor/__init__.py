"""Tests of the anchors, each against a real local peer."""
