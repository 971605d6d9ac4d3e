"""What an operator is told when something cannot go on: one line, and what to do.

Each error carries the exit code of the command that meets it: 2 for what the caller can mend
(a port, a file, an option), 1 for a stack that was running and failed.
"""

from __future__ import annotations


class CityError(Exception):
    """An operator's mistake or a missing part: one clear line, exit code 2."""

    exit_code = 2


class SettingsError(CityError):
    """A setting or option has a value that cannot be used."""


class PortInUseError(CityError):
    """A port that the stack needs is taken by somebody else."""


class DataDirectoryError(CityError):
    """The data directory is in use by another stack, or cannot be written."""


class DomainError(CityError):
    """A new domain cannot be laid under this name, or here."""


class StackError(CityError):
    """A process of the running stack ended or did not come up."""

    exit_code = 1
