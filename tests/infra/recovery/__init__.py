"""Tests of `infra/recovery/`."""
