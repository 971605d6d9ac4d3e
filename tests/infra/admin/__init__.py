"""Tests of `infra/admin/`."""
