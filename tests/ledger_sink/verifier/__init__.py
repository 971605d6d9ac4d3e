"""Tests of the auditor's tool."""
