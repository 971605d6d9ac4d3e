"""Errors of this package, divided by what the caller does next.

- `CatalogError`: a file of the catalogue violates a rule; stop and correct the file.
- `EventError`: an event does not fit its schema; refuse to send it.
- `UndecodableError`: no schema reads a record's value; make it a dead letter.
"""


class SchemaError(Exception):
    """Root of every error of this package."""


class CatalogError(SchemaError):
    """Files of the catalogue violate its rules; the message has one line for each problem, with the file."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class UnknownSchemaError(SchemaError):
    """The catalogue has no schema of this id."""

    def __init__(self, schema_id: int) -> None:
        self.schema_id = schema_id
        super().__init__(f"schema id {schema_id} is not in the catalogue")


class EventError(SchemaError):
    """An event does not fit its schema; `field` is the first field that does not."""

    def __init__(self, field: str, reason: str, subject: str = "") -> None:
        self.field = field
        self.reason = reason
        self.subject = subject
        super().__init__(f"{subject}: {field}: {reason}" if subject else f"{field}: {reason}")


class UndecodableError(SchemaError):
    """No schema reads a record's value to its last byte; `reason` is one line."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
