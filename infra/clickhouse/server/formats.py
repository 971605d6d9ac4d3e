"""ClickHouse's formats: their content types, and which of them may be sent block by block."""

from __future__ import annotations

_CONTENT_TYPES = {
    "native": "application/octet-stream",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "tsvwithnames": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "arrow": "application/vnd.apache.arrow.file",
    "arrowstream": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "avro": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "xml": "application/xml; charset=UTF-8",
    "markdown": "text/markdown; charset=UTF-8",
}
# Formats without header, footer or separator between blocks: blocks may simply follow one another.
_STREAMED = frozenset(
    {
        "native",
        "tabseparated",
        "tsv",
        "tabseparatedraw",
        "tsvraw",
        "raw",
        "csv",
        "jsoneachrow",
        "jsonlines",
        "ndjson",
        "jsonstringseachrow",
        "jsoncompacteachrow",
        "jsoncompactstringseachrow",
        "rowbinary",
        "lineasstring",
        "tskv",
        "msgpack",
    }
)


def content_type(name: str) -> str:
    """Return the Content-Type of a format; plain text for an unknown one."""
    return _CONTENT_TYPES.get(name.lower(), "text/plain; charset=UTF-8")


def is_streamed(name: str) -> bool:
    """Return True if a large result in this format may be sent block by block."""
    return name.lower() in _STREAMED
