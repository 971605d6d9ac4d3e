"""Dead letters (docs/dead-letters.md)."""

import hashlib

from schemas.codec import decode, encode
from streams.dead_letter import (
    PREFIX_BYTES,
    FileOrigin,
    KafkaOrigin,
    Refusal,
    dead_letter,
    topic_for,
    withheld,
    without_values,
)
from streams.identity.event_ids import device_id
from streams.identity.pseudonyms import keyed_digest
from streams.identity.secret import DeploymentSecret
from tests.streams.probe import probe_catalog

SCHEMA = probe_catalog().topics["probe.dead-letter"].schema
KAFKA = KafkaOrigin("probe.tick", 1, 42)
FILE = FileOrigin("readings.csv", "ab" * 32, 7, 9)


def letter(
    origin: KafkaOrigin | FileOrigin = KAFKA, refusal: Refusal | None = None, **options: object
) -> dict[str, object]:
    """Make a dead letter, encode and decode it."""
    refusal = refusal or Refusal("decode", "no such schema")
    made = dead_letter(origin, refusal, b"data", source="sink", occurred_us=5, **options)  # type: ignore[arg-type]
    return decode(encode(SCHEMA, made), probe_catalog(), raw=True)[1]


def test_a_dead_letter_fits_the_shared_schema_with_either_origin() -> None:
    """A record of a topic, or a record of a file whose key is sha256:record."""
    from_kafka = letter(key="a")
    assert from_kafka["origin"] == {"topic": "probe.tick", "partition": 1, "offset": 42}
    assert (from_kafka["key"], from_kafka["stage"], from_kafka["length"]) == ("a", "decode", 4)
    from_file = letter(FILE, Refusal("read", "PM10: not a number", "seoul-daily@1"))
    assert from_file["key"] == "ab" * 32 + ":7"
    assert from_file["origin"] == {"path": "readings.csv", "sha256": "ab" * 32, "record": 7, "line": 9}
    assert from_file["rule"] == "seoul-daily@1"


def test_a_repeat_is_the_same_dead_letter() -> None:
    """Id and salt follow from origin, stage and rule; any of them makes another."""
    assert letter() == letter()
    others = [
        letter(KafkaOrigin("probe.tick", 1, 43)),
        letter(refusal=Refusal("agent", "no such schema")),
        letter(refusal=Refusal("decode", "no such schema", "rule@1")),
        letter(refusal=Refusal("decode", "no such schema", event_id=device_id())),
        letter(FILE),
    ]
    assert len({each["event_id"] for each in [letter(), *others]}) == 6
    assert len({each["salt"] for each in [letter(), *others]}) == 6


def test_a_moved_file_makes_the_same_ids() -> None:
    """The file is its bytes, not its path."""
    moved = FileOrigin("other.csv", FILE.sha256, FILE.record, FILE.line)
    assert letter(moved)["event_id"] == letter(FILE)["event_id"]


def test_large_records_keep_a_prefix_and_tell_their_length_and_hash() -> None:
    """512 kB, then the whole record's length and SHA-256."""
    data = b"x" * (PREFIX_BYTES + 1)
    made = dead_letter(KAFKA, Refusal("decode", "too large"), data, source="sink", occurred_us=5)
    assert len(made["bytes"]) == PREFIX_BYTES
    assert made["length"] == PREFIX_BYTES + 1
    assert made["sha256"] == hashlib.sha256(data).digest()


def test_a_reason_is_one_line_of_bounded_length() -> None:
    """Whatever an exception says."""
    reason = letter(refusal=Refusal("agent", "a\n\tb" + "c" * 1000))["reason"]
    assert isinstance(reason, str)
    assert reason.startswith("a bccc")
    assert len(reason) == 500


def test_a_file_of_no_known_domain_goes_to_the_platforms_topic() -> None:
    """Every other to its domain's."""
    assert topic_for(None) == "platform.dead-letter"
    assert topic_for("air_quality") == "air-quality.dead-letter"


def test_of_a_domain_of_persons_a_files_bytes_and_values_are_withheld() -> None:
    """Length, origin and a keyed digest stay; a record of a topic, encrypted before, keeps its bytes."""
    secret = DeploymentSecret(bytes(32))
    refusal = Refusal("read", "weight: expected a number, got '98.7'", "nhanes@1")
    made = dead_letter(FILE, refusal, b"98.7 kg", source="s", occurred_us=5)
    kept = withheld(made, lambda: secret)
    assert (kept["bytes"], kept["length"], kept["origin"]) == (b"", 7, made["origin"])
    assert kept["sha256"] == keyed_digest(secret, made["sha256"]) != made["sha256"]
    assert kept["reason"] == "weight: expected a number, got …"
    of_topic = dead_letter(KAFKA, refusal, b"sealed", source="s", occurred_us=5)
    assert withheld(of_topic, lambda: secret)["bytes"] == b"sealed"
    assert without_values("cannot read '98.7' as \"kg\"") == "cannot read … as …"
