"""The read-only part of the Schema Registry's REST interface, as a pure function (docs/events.md#registry).

`respond` takes method, path, query and body and returns status and JSON, from the catalogue alone. A stock Avro client
that uses it decodes every topic. It changes nothing: a request to register, delete or set gets the error that the
registry is read-only. `infra/web` serves it over HTTP.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from schemas.avro import AvroError, parse
from schemas.compatibility import check_record
from schemas.envelope import canonical_text
from schemas.model import Catalog, Schema

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY: Final = "FULL_TRANSITIVE"
_READ_ONLY: Final = 42205


@dataclass(frozen=True)
class Response:
    """HTTP status and JSON body of a response."""

    status: int
    body: Any


class _RefusedError(Exception):
    """A refused request; the first three digits of the registry's error code are the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        self.response = Response(
            code // 100 if code > 999 else code, {"error_code": code, "message": message}
        )
        super().__init__(message)


def respond(
    catalog: Catalog, method: str, path: str, body: bytes = b"", query: Mapping[str, str] | None = None
) -> Response:
    """Return the response to one request.

    Args:
        catalog: Topics and schemas.
        method: HTTP method.
        path: Path, without the query.
        body: Body of a POST.
        query: Query parameters.

    Returns:
        Status and body; an error has the registry's error code and message in the body.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    try:
        return Response(200, _Registry(catalog, query or {}, body).route(method, parts))
    except _RefusedError as refused:
        return refused.response
    except RecursionError:
        return Response(422, {"error_code": 42201, "message": "Invalid schema: nested too deeply"})


class _Registry:
    """One request against the catalogue."""

    def __init__(self, catalog: Catalog, query: Mapping[str, str], body: bytes) -> None:
        self.catalog = catalog
        self.query = query
        self.body = body
        self.subjects = {
            topic.schema.subject: topic.schemas
            for topic in sorted(catalog.topics.values(), key=lambda t: t.name)
        }

    def route(self, method: str, parts: list[str]) -> Any:
        """Return the body for a path."""
        routes: dict[str, Callable[[list[str]], Any]] = {
            "GET subjects": self._get_subjects,
            "GET schemas": self._get_schemas,
            "GET config": lambda rest: self._setting(rest, {"compatibilityLevel": COMPATIBILITY}),
            "GET mode": lambda rest: self._setting(rest, {"mode": "READONLY"}),
            "GET contexts": lambda _: ["."],
            "POST subjects": self._post_subjects,
            "POST compatibility": self._post_compatibility,
        }
        if method in ("PUT", "DELETE", "PATCH"):
            raise _RefusedError(_READ_ONLY, "The registry is read-only: its schemas are files")
        found = routes.get(f"{method} {parts[0]}")
        if found is None:
            raise _not_found() if method == "GET" else _RefusedError(405, "HTTP 405 Method Not Allowed")
        return found(parts[1:])

    def _get_subjects(self, rest: list[str]) -> Any:
        """Return the body for a path below /subjects."""
        match rest:
            case []:
                prefix = self.query.get("subjectPrefix", "")
                return [each for each in self.subjects if each.startswith(prefix)]
            case [subject, "versions"]:
                return [schema.version for schema in self._subject(subject)]
            case [subject, "versions", version]:
                return _schema_json(self._version(subject, version))
            case [subject, "versions", version, "schema"]:
                return self._version(subject, version).record
            case [subject, "versions", version, "referencedby"]:
                self._version(subject, version)
                return []
        raise _not_found()

    def _get_schemas(self, rest: list[str]) -> Any:
        """Return the body for a path below /schemas."""
        match rest:
            case []:
                return [_schema_json(schema) for versions in self.subjects.values() for schema in versions]
            case ["types"]:
                return ["AVRO"]
            case ["ids", number]:
                return {"schema": self._by_id(number)[0].text}
            case ["ids", number, "schema"]:
                return self._by_id(number)[0].record
            case ["ids", number, "subjects"]:
                return [schema.subject for schema in self._by_id(number)]
            case ["ids", number, "versions"]:
                return [{"subject": each.subject, "version": each.version} for each in self._by_id(number)]
        raise _not_found()

    def _setting(self, rest: list[str], value: dict[str, str]) -> Any:
        """Return the body for /config or /mode, of all subjects or of one."""
        if len(rest) > 1:
            raise _not_found()
        for subject in rest:
            self._subject(subject)
        return value

    def _post_subjects(self, rest: list[str]) -> Any:
        """Return the posted schema's id and version, or refuse to register it."""
        match rest:
            case [subject]:
                versions = self._subject(subject)
                wanted = canonical_text(self._posted())
                for schema in versions:
                    if schema.text == wanted:
                        return _schema_json(schema)
                raise _RefusedError(40403, "Schema not found")
            case [subject, "versions"]:
                raise _RefusedError(
                    _READ_ONLY,
                    f"Subject {subject} is in read-only mode: its schemas are files",
                )
        raise _not_found()

    def _post_compatibility(self, rest: list[str]) -> Any:
        """Return whether the posted schema may follow the existing versions."""
        match rest:
            case ["subjects", subject, "versions", version]:
                against: tuple[Schema, ...] = (self._version(subject, version),)
            case ["subjects", subject, "versions"]:
                against = self._subject(subject)
            case _:
                raise _not_found()
        try:
            posted = self._posted()
            problems = [problem for old in against for problem in check_record(old.record, posted)]
        except AvroError as error:
            raise _RefusedError(42201, f"Invalid schema: {error}") from None
        messages = {"messages": problems} if self.query.get("verbose") == "true" else {}
        return {"is_compatible": not problems, **messages}

    def _posted(self) -> Any:
        """Return the schema in the request's body."""
        try:
            schema = json.loads(json.loads(self.body)["schema"])
            parse(schema)
        except (ValueError, TypeError, KeyError, AttributeError, AvroError) as error:
            raise _RefusedError(42201, f"Invalid schema: {error}") from None
        return schema

    def _subject(self, subject: str) -> tuple[Schema, ...]:
        """Return a subject's versions."""
        if subject not in self.subjects:
            raise _RefusedError(40401, f"Subject '{subject}' not found.")
        return self.subjects[subject]

    def _version(self, subject: str, version: str) -> Schema:
        """Return one version of a subject; `latest` and -1 name the last one."""
        versions = self._subject(subject)
        if version in ("latest", "-1"):
            return versions[-1]
        if not version.isdecimal() or int(version) < 1:
            raise _RefusedError(
                42202, f"The specified version '{version}' is not a valid version id (1 and up, or latest)."
            )
        if int(version) > len(versions):
            raise _RefusedError(40402, f"Version {version} not found.")
        return versions[int(version) - 1]

    def _by_id(self, number: str) -> list[Schema]:
        """Return a schema under every subject that uses it."""
        found = [
            schema for versions in self.subjects.values() for schema in versions if str(schema.id) == number
        ]
        if not found:
            raise _RefusedError(40403, f"Schema {number} not found")
        return found


def _not_found() -> _RefusedError:
    """Return the error for a path without a resource."""
    return _RefusedError(404, "HTTP 404 Not Found")


def _schema_json(schema: Schema) -> dict[str, Any]:
    """Return a schema as the registry's JSON."""
    return {"subject": schema.subject, "version": schema.version, "id": schema.id, "schema": schema.text}
