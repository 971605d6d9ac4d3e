"""A person through a real Kafka: no plain value anywhere, and after `forget` nothing to read while proofs verify."""

import hashlib
import struct
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from infra.kafka.topics import ensure_topics
from ledger_sink.format.leaf import record_leaves
from ledger_sink.format.merkle import leaf_hashes, root, verify_inclusion
from schemas.codec import decode
from streams.config import StreamsConfig
from streams.domains.health import agents
from streams.errors import SubjectForgottenError
from streams.identity.event_ids import recording_id
from streams.identity.pseudonyms import pseudonym
from streams.identity.secret import deployment_secret
from streams.privacy.field_encryption import Decryptor, SubjectKeys
from streams.produce.kafka import Producer
from streams.replay.recordings import find
from streams.replay.run import replay
from streams.state.changelog import changelog_name
from tests.harness.forgetting import forget
from tests.harness.waiting import eventually
from tests.streams.domains.health.people import CATALOG, nhanes

ROOT = Path(__file__).parents[4]
PERSONS = 12
PERSON = "nhanes:93705"
WEIGHTS = [71.234567 + number for number in range(PERSONS)]
REFUSED = "heavy 98.76543"
PERSONAL_TOPICS = (agents.MEASUREMENT, agents.CLASSIFICATION, agents.COHORT_ENTRY)
_WORKER = """
import sys
from pathlib import Path
from schemas.catalog import load_catalog
from streams.worker.app import run
from streams.config import StreamsConfig
from streams.metrics import no_emit
kafka, data, group = sys.argv[1:]
config = StreamsConfig(kafka=kafka, data=Path(data), group=group, domains=False,
    extra_agents=("streams.domains.health.agents",), commit_interval_s=0.2, session_timeout_s=6.0)
run(config, load_catalog(), no_emit)
"""

Raw = tuple[int, int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


@dataclass(frozen=True)
class Town:
    """A data directory and a Kafka through which a recording of persons went, rules and all."""

    config: StreamsConfig
    source: str
    log: Path

    @property
    def subject(self) -> str:
        """Pseudonym of the person to be forgotten."""
        return pseudonym(deployment_secret(self.config.keys), agents.DOMAIN, PERSON)

    def records(self, *topics: str) -> dict[str, dict[int, list[Raw]]]:
        """Read topics as they stand, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.config.kafka,
                "group.id": f"t-{token_hex(4)}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            known = consumer.list_topics(timeout=10).topics
            left = {(topic, partition) for topic in topics for partition in known[topic].partitions}
            consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in left])
            found: dict[str, dict[int, list[Raw]]] = {topic: {} for topic in topics}
            for topic, partition in left:
                found[topic][partition] = []
            deadline = time.monotonic() + 60
            while left:
                assert time.monotonic() < deadline, f"not read to their end: {left}"
                for each in consumer.consume(500, timeout=0.2):
                    error = each.error()
                    if error is None:
                        found[each.topic()][each.partition()].append(_raw(each))
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        left.discard((each.topic(), each.partition()))
        finally:
            consumer.close()
        return found

    def events(self, *topics: str) -> list[tuple[str, dict[str, Any]]]:
        """Tell the events of this town on topics."""
        rows = [row for parts in self.records(*topics).values() for part in parts.values() for row in part]
        decoded = [((row[3] or b"").decode(), decode(row[4], CATALOG, raw=True)[1]) for row in rows]
        return [(key, event) for key, event in decoded if event["source"].startswith(self.source)]


def _raw(message: Any) -> Raw:
    kind, stamp = message.timestamp()
    headers = [(name, value) for name, value in message.headers() or []]
    return message.offset(), kind - 1, stamp, message.key(), message.value(), headers


@pytest.fixture(scope="module")
def town(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Replay a recording of twelve persons and a broken row, and let the rules run until the counts are told."""
    folder = tmp_path_factory.mktemp("town")
    rows: list[dict[str, object]] = [
        {"WeightKg": weight, "BloodLeadUgdl": token_hex(4)} for weight in WEIGHTS
    ]
    recording = folder / "people.tsv"
    recording.write_bytes(nhanes(*rows, {"WeightKg": REFUSED}))
    ensure_topics(kafka, CATALOG)
    config = StreamsConfig(
        kafka=kafka, data=folder / "data", group=f"health-{token_hex(4)}", delivery_timeout_s=10.0
    )
    (report,) = replay(config, CATALOG, [recording], speed="max")
    assert (report.accepted, report.refused) == (PERSONS, 1)
    log = folder / "worker.log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, kafka, str(config.data), config.group],
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        (looked,) = find([recording])
        found = Town(config, looked.source, log)

        def counted() -> bool:
            assert worker.poll() is None, log.read_text()
            return bool(found.events(agents.CLASS_COUNT))

        eventually(counted, log.read_text, within_s=180, every_s=0.5)
    finally:
        worker.terminate()
        worker.wait(15)
    return found


def needles() -> list[bytes]:
    """Spell every personal value as text and as Avro, and every name."""
    numbers = [each for weight in WEIGHTS for each in (str(weight).encode(), struct.pack("<d", weight))]
    names = [f"{93_703 + number}.0".encode() for number in range(PERSONS + 1)]
    return [*numbers, *names, REFUSED.encode(), REFUSED.split()[1].encode(), b"nhanes:"]


def test_plain_text_of_a_personal_value_is_found_nowhere(town: Town) -> None:
    """Not in keys, values or headers of any topic or changelog, in no log, and in no file of the data directory."""
    written = [topic.name for topic in CATALOG.topics.values() if topic.domain in (agents.DOMAIN, "platform")]
    topics = [*written, changelog_name(town.config.group, agents.COHORT_ENTRY)]
    searched = [
        b"\0".join(
            (row[3] or b"", row[4] or b"", *(name.encode() + (value or b"") for name, value in row[5]))
        )
        for parts in town.records(*topics).values()
        for part in parts.values()
        for row in part
    ]
    searched += [path.read_bytes() for path in town.config.data.rglob("*") if path.is_file()]
    searched += [str(path.relative_to(town.config.data)).encode() for path in town.config.data.rglob("*")]
    searched.append(town.log.read_bytes())
    assert len(searched) > 4 * PERSONS
    for needle in needles():
        assert not [each for each in searched if needle in each], needle


def test_a_refused_row_is_told_without_its_bytes(town: Town) -> None:
    """Where it stands, how long it was, and a digest that cannot be guessed from."""
    (letter,) = [event for _, event in town.events("health.dead-letter")]
    assert (letter["bytes"], letter["origin"]["record"], letter["origin"]["line"]) == (
        b"",
        PERSONS + 1,
        PERSONS + 2,
    )
    row = nhanes({}, *[{}] * (PERSONS - 1), {"WeightKg": REFUSED}).splitlines()[-1]
    assert letter["length"] == len(row)
    assert letter["sha256"] != hashlib.sha256(row).digest()
    assert letter["reason"] == "column WeightKg: expected a number"


def test_who_has_the_file_cannot_tell_which_row_an_event_is(town: Town) -> None:
    """Neither the id nor the source can be computed from the file alone."""
    digest = hashlib.sha256((town.config.data.parent / "people.tsv").read_bytes()).digest()
    events = [event for _, event in town.events(agents.MEASUREMENT)]
    guesses = {
        recording_id(events[0]["occurred_at"] // 1000, digest, record) for record in range(1, PERSONS + 1)
    }
    assert len(events) == PERSONS
    assert not guesses & {event["event_id"] for event in events}
    assert not {event["source"].partition("#")[2] for event in events} & set(map(str, range(PERSONS + 1)))


def test_after_forget_nothing_of_the_person_is_readable_and_every_proof_still_verifies(town: Town) -> None:
    """Value, classes and entry are closed for whoever asks; others' open; leaves and roots are what they were."""
    assert {len(town.events(topic)) for topic in (agents.MEASUREMENT, agents.CLASSIFICATION)} == {PERSONS}
    before = _leaves(town)
    assert before.keys() == set(PERSONAL_TOPICS)
    roots = {topic: {part: root(hashes) for part, hashes in of.items()} for topic, of in before.items()}
    readable = _readable(town)
    assert readable == dict.fromkeys(readable, 3)
    assert len(readable) == PERSONS
    erasures = forget(town.config.keys, CATALOG, PERSON)
    assert [(each.subject, len(each.keys)) for each in erasures] == [(town.subject, 1)]
    assert _readable(town) == {person: 3 for person in readable if person != town.subject}
    assert _leaves(town) == before
    for topic, of in before.items():
        assert of, topic
        for part, hashes in of.items():
            for index, leaf in enumerate(hashes):
                verify_inclusion(leaf, index, len(hashes), _path(index, hashes), roots[topic][part])
    fields = {"person": PERSON, "cycle": "c", "body_weight": 70.0}
    head = {"event_id": "01890000-0000-7000-8000-000000000001", "salt": bytes(16), "source": "device:1"}
    with Producer(town.config, CATALOG) as door, pytest.raises(SubjectForgottenError):
        door.produce(agents.MEASUREMENT, {**head, "occurred_at": 1, **fields})


def _leaves(town: Town) -> dict[str, dict[int, list[bytes]]]:
    """Make the leaf hashes of every partition of the personal topics."""
    return {
        topic: {part: leaf_hashes(record_leaves(topic, part, rows)) for part, rows in parts.items() if rows}
        for topic, parts in town.records(*PERSONAL_TOPICS).items()
    }


def _readable(town: Town) -> dict[str, int]:
    """Count the events of each person that open with the keys as they are now."""
    keys, found = SubjectKeys(town.config.keys), Counter[str]()
    for name in PERSONAL_TOPICS:
        opener = Decryptor(keys, CATALOG.topics[name])
        found.update(
            event["person"]
            for key, event in town.events(name)
            if event["person"] is not None and opener.event(key, event) is not None
        )
    return dict(found)


def _path(index: int, hashes: list[bytes]) -> list[bytes]:
    """Make an inclusion proof by the recursion of RFC 6962 §2.1.1."""
    if len(hashes) == 1:
        return []
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if index < split:
        return [*_path(index, hashes[:split]), root(hashes[split:])]
    return [*_path(index - split, hashes[split:]), root(hashes[:split])]
