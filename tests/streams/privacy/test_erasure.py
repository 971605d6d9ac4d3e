"""Pseudonyms, and the names under which a person is forgotten."""

from pathlib import Path

from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.identity.pseudonyms import is_pseudonym, keyed_digest, keyed_record, pseudonym
from streams.identity.secret import DeploymentSecret, deployment_secret
from streams.privacy.erasure import subjects
from streams.testing import MemoryProducer
from tests.harness.forgetting import forget

ONE, OTHER = DeploymentSecret(bytes(32)), DeploymentSecret(bytes(31) + b"x")
EVENT = {
    "event_id": "01890000-0000-7000-8000-000000000001",
    "salt": bytes(16),
    "source": "device:1",
    "occurred_at": 1,
    "cycle": "c",
    "body_weight": 70.0,
}


def test_a_pseudonym_is_the_same_for_a_person_of_a_domain_and_for_nobody_else() -> None:
    """Another person, domain or deployment has another; names are told apart to the last byte."""
    made = {
        pseudonym(ONE, "health", "anna"),
        pseudonym(ONE, "health", "bert"),
        pseudonym(ONE, "mobility", "anna"),
        pseudonym(ONE, "healt", "hanna"),
        pseudonym(OTHER, "health", "anna"),
    }
    assert len(made) == 5
    assert all(map(is_pseudonym, made))
    assert pseudonym(ONE, "health", "anna") in made
    assert not is_pseudonym("anna")
    assert not is_pseudonym(pseudonym(ONE, "health", "anna") + "\n")


def test_a_veiled_digest_needs_the_secret() -> None:
    """Nor does a veiled record tell its number."""
    assert keyed_digest(ONE, bytes(32)) != keyed_digest(OTHER, bytes(32))
    assert len({keyed_record(ONE, bytes(32), record) for record in range(100)}) == 100


def test_the_door_writes_a_pseudonym_where_the_topic_says_so(tmp_path: Path) -> None:
    """Into the key and the field; the name itself goes nowhere."""
    producer = MemoryProducer(load_catalog(), StreamsConfig(data=tmp_path))
    producer.produce("health.measurement", {**EVENT, "person": "anna"})
    (sent,) = producer.sent()
    assert (
        sent.key == sent.event["person"] == pseudonym(deployment_secret(tmp_path / "keys"), "health", "anna")
    )
    assert b"anna" not in sent.value


def test_a_person_is_forgotten_by_name_or_by_pseudonym(tmp_path: Path) -> None:
    """What is told of it names the pseudonym only, and says whether there was a key."""
    catalog, keys = load_catalog(), tmp_path / "keys"
    producer = MemoryProducer(catalog, StreamsConfig(data=tmp_path))
    for name in ("anna", "bert"):
        producer.produce("health.measurement", {**EVENT, "person": name})
    anna, bert = (sent.key for sent in producer.sent())
    assert subjects(keys, catalog, "anna") == (anna, "anna")
    (erasure,) = forget(keys, catalog, "anna")
    assert (erasure.subject, len(erasure.keys)) == (anna, 1)
    assert not producer.keys.names(anna)
    assert producer.keys.names(bert)
    assert [each.subject for each in forget(keys, catalog, bert)] == [bert]
    assert not producer.keys.names(bert)


def test_a_name_that_lies_under_itself_is_forgotten_too(tmp_path: Path) -> None:
    """A domain without pseudonyms keys by the name: its erasure tells the name that the topic bears."""
    catalog, keys = load_catalog(), tmp_path / "keys"
    producer = MemoryProducer(catalog, StreamsConfig(data=tmp_path))
    from streams.privacy.field_encryption import FieldLocation

    producer.keys.encrypt(FieldLocation("t", "anna", EVENT["event_id"], "f"), b"x")  # type: ignore[arg-type]
    assert ("anna", 1) in [(each.subject, len(each.keys)) for each in forget(keys, catalog, "anna")]
