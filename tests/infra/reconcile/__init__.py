"""Tests of `infra/reconcile/`."""
