"""Errors of backup and restore; each is one line: what, where, what to do."""

from __future__ import annotations

from infra.errors import CityError


class BackupError(CityError):
    """A backup cannot be made, or does not hold what its manifest lists."""


class RestoreError(CityError):
    """A backup cannot be restored to this place."""


class StoresDisagreeError(CityError):
    """One store was restored older than another, so that going on would lose or mix up records."""


class KeysMissingError(CityError):
    """A directory has a ledger, and not the keys that it was made with."""


class StoreDamagedError(CityError):
    """A store cannot read a file of its own: the message names it and what to do."""
