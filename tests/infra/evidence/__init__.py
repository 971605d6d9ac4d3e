"""Tests of `infra/evidence/`."""
