"""Multi-part bodies: form fields stand for URL parameters, files are external tables of the query.

Pure. clickhouse-connect uses it for long parameters, other clients to send a table along with a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import BytesParser

from infra.clickhouse.errors import RefusedError


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that comes along with a query: its name, ClickHouse structure, format and data."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and files of a multi-part body."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]


def parse_form(content_type: str, body: bytes) -> Form:
    """Parse a body of type multipart/form-data.

    Raises:
        RefusedError: Code 36 if it is none, or a part has no name.
    """
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + body)
    if not message.is_multipart():
        raise RefusedError(
            36, "BAD_ARGUMENTS", "the body is not what its Content-Type says: multipart/form-data"
        )
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise RefusedError(36, "BAD_ARGUMENTS", "a part of the body has no name")
        if part.get_filename() is None:
            fields.append((name, payload.decode()))
        else:
            files.append((name, payload))
    return Form(tuple(fields), tuple(files))


def external_tables(
    form: Form, parameters: list[tuple[str, str]]
) -> tuple[tuple[ExternalTable, ...], list[tuple[str, str]]]:
    """Join each file with its parameters (`NAME_format`, `NAME_structure`, `NAME_types`).

    Returns:
        The tables, and the parameters that belong to none of them.

    Raises:
        RefusedError: Code 36 if a file has neither structure nor types.
    """
    known = dict(parameters)
    own = {f"{name}_{what}" for name, _ in form.files for what in ("format", "structure", "types")}
    tables = tuple(
        ExternalTable(name, _structure(name, known), known.get(f"{name}_format", "TabSeparated"), data)
        for name, data in form.files
    )
    return tables, [(name, value) for name, value in parameters if name not in own]


def _structure(name: str, known: dict[str, str]) -> str:
    if f"{name}_structure" in known:
        return known[f"{name}_structure"]
    if f"{name}_types" in known:
        return ", ".join(f"_{at} {kind}" for at, kind in enumerate(known[f"{name}_types"].split(","), 1))
    raise RefusedError(
        36, "BAD_ARGUMENTS", f"external table {name}: neither {name}_structure nor {name}_types is given"
    )
