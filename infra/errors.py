"""Errors for operators: each message is one line that says what is wrong and what to do.

Each error carries the exit code of its command: 2 for what the caller can correct (a port, a file, an option), 1 for
a stack that was running and failed.
"""

from __future__ import annotations


class CityError(Exception):
    """An operator's mistake or a missing part: one clear line, exit code 2."""

    exit_code = 2


class SettingsError(CityError):
    """A setting or option has a value that cannot be used."""


class PortInUseError(CityError):
    """Another program listens on a port that the stack needs."""


class DataDirectoryError(CityError):
    """The data directory is in use by another stack, or cannot be written."""


class StackStoppedError(CityError):
    """The command needs a running stack, and the one of this data directory is not running."""


class SchemaChangedError(CityError):
    """A schema was edited under an id that records of the data directory carry."""


class DomainError(CityError):
    """A new domain cannot be laid under this name, or here."""


class StackError(CityError):
    """A process of the running stack ended or did not come up."""

    exit_code = 1


class PartDownError(StackError):
    """A part of a running stack does not answer: unknown is not "nothing"."""
