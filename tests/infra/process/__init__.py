"""Tests of `infra/process/`."""
