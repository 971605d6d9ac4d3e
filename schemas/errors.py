"""What can go wrong in this package, split by what the caller does next.

`CatalogError`: a file of the catalogue is wrong; stop and mend it. `EventError`: the producer is about to
send what its schema does not allow; refuse it. `UndecodableError`: a record on a topic that no schema
reads; dead-letter it.
"""


class SchemaError(Exception):
    """Root of every error of this package."""


class CatalogError(SchemaError):
    """Files of the catalogue break its rules; the message has one line for each, naming the file."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class UnknownSchemaError(SchemaError):
    """The catalogue has no schema of this id."""

    def __init__(self, schema_id: int) -> None:
        self.schema_id = schema_id
        super().__init__(f"schema id {schema_id} is not in the catalogue")


class EventError(SchemaError):
    """An event is not what its schema says; `field` names the first field that is wrong."""

    def __init__(self, field: str, reason: str, subject: str = "") -> None:
        self.field = field
        self.reason = reason
        self.subject = subject
        super().__init__(f"{subject}: {field}: {reason}" if subject else f"{field}: {reason}")


class UndecodableError(SchemaError):
    """A record's value cannot be read whole by the schema it names; `reason` says why, in one line."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
