"""A small domain that tests lay on disk and break in one place at a time."""

import copy
import json
from pathlib import Path
from typing import Any

TOML = """\
title = "Toy"
owner = "nobody"
sensitivity = "personal"

[topics.sample]
kind = "raw"
key = "device"
retention_days = 7
schema_ids = [9900]
readers = ["operator"]

[topics.dead-letter]
kind = "dead-letter"
key = "key"
retention_days = 7
readers = ["operator"]
"""
SAMPLE: dict[str, Any] = {
    "type": "record",
    "name": "Sample",
    "namespace": "city.toy",
    "doc": "A sample of everything.",
    "fields": [
        {"name": "device", "type": "string", "doc": "Identifier of the device."},
        {
            "name": "weight",
            "type": ["null", "double"],
            "default": None,
            "personal": True,
            "unit": "kg",
            "doc": "Weight.",
        },
        {"name": "sex", "type": "string", "personal": True, "doc": "Sex, as the person states it."},
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
            "unit": "KRW",
            "doc": "Price.",
        },
        {
            "name": "day",
            "type": ["null", {"type": "int", "logicalType": "date"}],
            "default": None,
            "doc": "Day.",
        },
        {
            "name": "mood",
            "type": {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "GOOD"], "default": "UNKNOWN"},
            "doc": "Mood.",
        },
        {
            "name": "steps",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Step",
                    "doc": "A step.",
                    "fields": [
                        {
                            "name": "at",
                            "type": {"type": "long", "logicalType": "timestamp-millis"},
                            "doc": "When.",
                        },
                        {"name": "length", "type": "float", "unit": "m", "doc": "How long."},
                    ],
                },
            },
            "default": [],
            "doc": "Steps.",
        },
    ],
}
EXAMPLE: dict[str, Any] = {
    "event_id": "01900000-0000-7000-8000-000000000001",
    "salt": "00112233445566778899aabbccddeeff",
    "source": "device:toy",
    "occurred_at": "2026-01-01T00:00:00.000001Z",
    "device": "toy-1",
    "weight": 61.5,
    "sex": "f",
    "price": "12000.50",
    "day": "2026-01-01",
    "mood": "GOOD",
    "steps": [{"at": "2026-01-01T00:00:00.001Z", "length": 0.5}],
}


def lay(root: Path, *, toml: str = TOML, **files: Any) -> Path:
    """Write the toy domain below a root.

    Args:
        root: Folder of domain folders.
        toml: Content of domain.toml.
        files: Further or other versions of the schema, `v1`, `v2`, …; None leaves a version out.

    Returns:
        The root.
    """
    folder = root / "toy"
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    (folder / "domain.toml").write_text(toml, encoding="utf-8")
    for version, record in {"v1": SAMPLE, **files}.items():
        if record is not None:
            (folder / f"sample.{version}.avsc").write_text(json.dumps(record), encoding="utf-8")
            example = json.dumps(_example(record))
            (folder / "examples" / f"sample.{version}.plain.json").write_text(example, encoding="utf-8")
    return root


def _example(record: Any) -> dict[str, Any]:
    """Cut the example to the fields that a version has."""
    dropped = {each["name"] for each in SAMPLE["fields"]}
    if isinstance(record, dict):
        dropped -= {each["name"] for each in record["fields"]}
    return {name: value for name, value in EXAMPLE.items() if name not in dropped}


def sample(**changes: Any) -> dict[str, Any]:
    """Copy the sample schema with attributes of its fields changed, such as `weight={"unit": "g"}`."""
    record = copy.deepcopy(SAMPLE)
    for field in record["fields"]:
        for name, value in changes.get(field["name"], {}).items():
            if value is None and name != "default":
                field.pop(name, None)
            else:
                field[name] = value
    return record


def extended(*fields: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Copy the sample schema with fields added and dropped."""
    record = copy.deepcopy(SAMPLE)
    record["fields"] = [each for each in record["fields"] if each["name"] not in without] + list(fields)
    return record
