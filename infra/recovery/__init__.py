"""Backup, restore, and the check of the stores against each other at a start (docs/recovery.md)."""
