"""Schemas from a schema registry over HTTP, for subscribers without a catalogue.

Any registry with Confluent's read interface will do; ours is at the status page's address. A schema is fetched once
and kept, because an id never changes its meaning.
"""

import json
import time
from typing import Any

import httpx

from schemas.avro import AvroError
from schemas.envelope import personal_fields
from schemas.errors import UnknownSchemaError
from schemas.model import Schema
from streams.subscriber.errors import RegistryError

TIMEOUT_S = 10.0
MAX_SCHEMA_BYTES = 1 << 20


class RegistrySchemas:
    """The schemas of a registry by id. Each is fetched when a record first names it.

    Args:
        url: Address of the registry, such as `http://127.0.0.1:18080`.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._schemas: dict[int, Schema] = {}

    def schema(self, schema_id: int, /) -> Schema:
        """Return the schema of an id.

        Raises:
            UnknownSchemaError: The registry has no such schema.
            RegistryError: The registry does not response, or its response is no schema.
        """
        if schema_id not in self._schemas:
            self._schemas[schema_id] = self._fetch(schema_id)
        return self._schemas[schema_id]

    def _fetch(self, schema_id: int) -> Schema:
        path = f"/schemas/ids/{schema_id}"
        try:
            record = json.loads(self._get(path, schema_id)["schema"])
            (used, *_) = self._get(f"{path}/versions", schema_id)
            schema = Schema(
                id=schema_id,
                subject=str(used["subject"]),
                version=int(used["version"]),
                record=record,
                text=json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
                personal=personal_fields(record),
            )
            _ = schema.tree
        except (ValueError, KeyError, TypeError, RecursionError, AvroError) as error:
            raise RegistryError(f"{self._url}{path}: expected an Avro schema, got {error!r:.200}") from error
        return schema

    def _get(self, path: str, schema_id: int) -> Any:
        try:
            status, body = self._read(path)
        except httpx.HTTPError as error:
            raise RegistryError(f"{self._url}{path}: the schema registry does not answer: {error}") from error
        if status == httpx.codes.NOT_FOUND:
            raise UnknownSchemaError(schema_id)
        if status != httpx.codes.OK or len(body) > MAX_SCHEMA_BYTES:
            raise RegistryError(
                f"{self._url}{path}: expected a schema, got HTTP {status} with {len(body)} bytes or more"
            )
        return json.loads(body)

    def _read(self, path: str) -> tuple[int, bytes]:
        """Return status and body; of a body that is too long, or still comes after `TIMEOUT_S`, the beginning."""
        ends = time.monotonic() + TIMEOUT_S
        plain = {"Accept-Encoding": "identity"}
        with httpx.stream("GET", self._url + path, timeout=TIMEOUT_S, headers=plain) as response:
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > MAX_SCHEMA_BYTES:
                    break
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("its answer is still coming")
            return response.status_code, bytes(body)
