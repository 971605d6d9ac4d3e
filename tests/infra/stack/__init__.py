"""Tests of `infra/stack/`."""
