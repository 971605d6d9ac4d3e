"""Tests of `infra/status/`."""
