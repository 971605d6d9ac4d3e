"""Tests of infra/platform_events."""
