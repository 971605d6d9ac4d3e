"""Example events as they stand on the wire, for tests that have no subject's key."""

from collections.abc import Mapping
from typing import Any

from schemas.catalog import Topic
from schemas.personal import clear_bytes


def on_the_wire(topic: Topic, example: Mapping[str, Any]) -> dict[str, Any]:
    """Put in place of personal values the bytes that would be encrypted."""
    given = [name for name in topic.schema.personal if example.get(name) is not None]
    return {**example, **{name: clear_bytes(topic.schema, name, example[name]) for name in given}}
