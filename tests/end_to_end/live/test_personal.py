"""Persons through the whole platform: nothing of them in plain text, and `city forget` while every proof verifies."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from typing import TYPE_CHECKING, Any

from infra.admin.erasures import reapply_erasures
from infra.settings import recall
from schemas.catalog import load_catalog
from streams.identity.pseudonyms import keyed_record
from streams.identity.secret import deployment_secret
from streams.replay.recordings import bundled
from tests.harness.report import broken_equations
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import LiveCity

ROWS = 30
PERSON = "nhanes:93705"
PERSONAL = load_catalog().topics["health.measurement"].schema.personal
ENCRYPTED_NUMBER = 1 + 12 + 16 + 16
"""Bytes of an encrypted number, or of none: format, nonce, padded plaintext, tag."""


def numbers(keys: Path, recording: Path) -> dict[str, int]:
    """Return the row of each record's name in `source`, as only a holder of the secret can."""
    secret, digest = deployment_secret(keys), hashlib.sha256(recording.read_bytes()).digest()
    return {keyed_record(secret, digest, number): number for number in range(1, ROWS + 1)}


def test_a_person_is_forgotten_and_the_city_still_proves_everything(live: LiveCity, tmp_path: Path) -> None:
    """Archive, logs and report hold no plain value; the erasure tells a pseudonym; the audit passes afterwards."""
    (whole,) = bundled("health")
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)[: ROWS + 1]
    recording = tmp_path / "people.tsv"
    recording.write_bytes(b"".join(lines))
    assert PERSON not in live.replay(recording)
    city = live.city
    with city.client() as client:

        def asked(query: str) -> Any:
            return client.query(query).result_rows[0][0]

        eventually(
            lambda: asked("SELECT count() FROM city.health_class_count"), "classes are counted", within_s=100
        )
        keys, copy = city.data / "keys" / "subjects", tmp_path / "copy"
        shutil.copytree(keys, copy)
        forgotten = city.city("forget", PERSON, "--ground", "GDPR Art. 17 (1) b")
        assert forgotten.returncode == 0, forgotten.stdout + forgotten.stderr
        assert "1 keys deleted" in forgotten.stdout
        assert PERSON not in forgotten.stdout + forgotten.stderr
        eventually(lambda: asked("SELECT count() FROM city.platform_erasure"), "the erasure is archived")
        came_back = [each for each in copy.glob("*.key") if not (keys / each.name).exists()]
        assert len(came_back) == 1
        shutil.copy(came_back[0], keys)
        (keys / came_back[0].with_suffix(".forgotten").name).unlink()
        done = reapply_erasures(recall(city.data), load_catalog())  # as the next start does
        assert (done.keys, done.unsent, (keys / came_back[0].name).exists()) == (1, (), False)
        lengths = ", ".join(f"ifNull(length({name}), 0)" for name in PERSONAL)
        measured = client.query(
            f"SELECT _partition, source, arrayDistinct([{lengths}]) FROM city.health_measurement FINAL "
            "ORDER BY _partition, _offset"
        ).result_rows
        assert [alike for _, _, alike in measured] == [[ENCRYPTED_NUMBER]] * ROWS
        numbers_of = numbers(city.data / "keys", recording)
        arrived = [(partition, numbers_of[source.partition("#")[2]]) for partition, source, _ in measured]
        assert arrived != sorted(arrived)
        header, *rows = (line.decode().rstrip("\n").split("\t") for line in lines)
        weights = [row[header.index("WeightKg")] for row in rows if row[header.index("WeightKg")]]
        texts = [PERSON.encode(), b"nhanes:"]
        packed = [struct.pack("<d", float(weight)) for weight in weights]
        for needle in (*texts, *packed):
            of_others = "" if needle in texts else "AND NOT match(topic, '^(air-quality|vehicle)[.]')"
            count = asked(
                f"SELECT count() FROM city.records WHERE position(concat(ifNull(key, ''), ifNull(value, '')), "
                f"unhex('{needle.hex()}')) > 0 {of_others}"
            )
            assert count == 0, needle
        erased = client.query("SELECT subject, keys FROM city.platform_erasure").result_rows
        assert [(len(keys), subject.startswith("p-")) for subject, keys in erased] == [(1, True)]

    def nothing_plain(report: dict[str, Any]) -> None:
        logs = [
            path.read_text(errors="replace") for path in (city.data / "logs").rglob("*") if path.is_file()
        ]
        for text in (live.said, *logs):
            assert PERSON not in text
            assert "nhanes:" not in text
        assert broken_equations(report) == []
        assert report["audit"] == {"verdict": "pass", "problems": []}

    live.at_the_end(nothing_plain)
