"""Persons through the whole platform: nothing of them in plain text, and `city forget` while every proof verifies."""

from __future__ import annotations

import gzip
import struct
import time
from typing import TYPE_CHECKING

from streams.recordings import bundled
from tests.end_to_end.city import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.city import City

ROWS = 30
PERSON = "nhanes:93705"


def test_a_person_is_forgotten_and_the_city_still_proves_everything(
    make_city: Callable[..., City], tmp_path: Path
) -> None:
    """Archive, logs and report hold no plain value; the erasure tells a pseudonym; the audit passes afterwards."""
    (whole,) = bundled("health")
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)[: ROWS + 1]
    recording = tmp_path / "people.tsv"
    recording.write_bytes(b"".join(lines))
    city = make_city()
    process = city.start("--recordings", str(recording), "--speed", "max")
    city.wait_for(process.pid, "worker-0", "sink")
    deadline = time.monotonic() + 100
    while True:
        assert time.monotonic() < deadline
        assert process.poll() is None
        try:
            with city.client() as client:
                if client.query("SELECT count() FROM city.health_class_count").result_rows[0][0]:
                    break
        except Exception:  # noqa: BLE001 - the stack is still coming up
            time.sleep(1)
        time.sleep(0.5)
    forgotten = city.city("forget", PERSON, "--ground", "GDPR Art. 17 (1) b")
    assert forgotten.returncode == 0, forgotten.stdout + forgotten.stderr
    assert "1 keys deleted" in forgotten.stdout
    assert PERSON not in forgotten.stdout + forgotten.stderr
    time.sleep(3)
    with city.client() as client:
        header, *rows = (line.decode().rstrip("\n").split("\t") for line in lines)
        weights = [row[header.index("WeightKg")] for row in rows if row[header.index("WeightKg")]]
        plain = [PERSON.encode(), b"nhanes:", *(struct.pack("<d", float(weight)) for weight in weights)]
        for needle in plain:
            found = client.query(
                f"SELECT count() FROM city.records WHERE position(concat(ifNull(key, ''), ifNull(value, '')), "
                f"unhex('{needle.hex()}')) > 0"
            )
            assert found.result_rows == [(0,)], needle
        erased = client.query("SELECT subject, keys FROM city.platform_erasure").result_rows
        assert [(len(keys), subject.startswith("p-")) for subject, keys in erased] == [(1, True)]
    output = interrupt(process)
    logs = [path.read_text(errors="replace") for path in (city.data / "logs").rglob("*") if path.is_file()]
    for text in (output, *logs):
        assert PERSON not in text
        assert "nhanes:" not in text
    audit = city.up_once("--recordings", str(recording))
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert city.read_report()["audit"] == {"verdict": "pass", "problems": []}
