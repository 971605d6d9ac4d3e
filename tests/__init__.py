"""Tests of the city telemetry platform."""
