"""The rules on their topics: encrypted in, encrypted out, counts without persons, in whatever order."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.agents import handlers_of
from streams.domains.health import agents
from streams.domains.health.cohorts import LARGEST_COHORT, LARGEST_SAMPLE, Cohort, LatestEntry
from streams.domains.health.counts import AT_LEAST, Person, counts
from streams.errors import DeclarationError
from streams.privacy.field_encryption import Decryptor
from streams.testing import MemoryProducer, Sent, assert_repeats_change_nothing, record, run_handlers
from tests.streams.domains.health.people import CATALOG, STREAM, door, ending, events

ROWS: list[dict[str, object]] = [{"WeightKg": 71.2 + number} for number in range(12)]
RULES = handlers_of(agents)


def derive(into: MemoryProducer, rows: list[dict[str, object]] = ROWS) -> list[Sent]:
    """Run measurements through the first rule."""
    return run_handlers(CATALOG, RULES, events(*rows), topic=agents.MEASUREMENT, producer=into)


def entries(
    into: MemoryProducer, rows: list[dict[str, object]] = ROWS, accepted: int | None = None
) -> list[dict[str, Any]]:
    """Make the cohort entries of measurements, and the cohort's end."""
    found = [sent.event for sent in derive(into, rows) if sent.topic == agents.COHORT_ENTRY]
    told = ending(len(rows) if accepted is None else accepted)
    (last,) = run_handlers(CATALOG, RULES, [told], topic=agents.RECORDING, producer=into)
    return [*found, last.event]


def count(into: MemoryProducer, given: list[dict[str, Any]], batch_size: int = 1_000) -> list[Sent]:
    """Run entries through the last rule."""
    return run_handlers(
        CATALOG, RULES, given, topic=agents.COHORT_ENTRY, producer=into, batch_size=batch_size
    )


def told(sents: list[Sent]) -> dict[tuple[str, ...], int]:
    """Tell counts by cell."""
    assert {sent.topic for sent in sents} <= {agents.CLASS_COUNT}
    names = ("sex", "age_band", "scheme", "class")
    return {tuple(sent.event[name] for name in names): sent.event["persons"] for sent in sents}


def test_classes_are_derived_and_encrypted_under_the_persons_key(tmp_path: Path) -> None:
    """A pseudonym for a key, ciphertext for classes; the key holder reads what the rule said."""
    into = door(tmp_path)
    found = [sent for sent in derive(into) if sent.topic == agents.CLASSIFICATION]
    assert len(found) == len(ROWS)
    topic = CATALOG.topics[agents.CLASSIFICATION]
    for sent in found:
        assert sent.key == sent.event["person"]
        assert sent.key.startswith("p-")
        assert all(isinstance(sent.event[name], bytes | None) for name in topic.schema.personal)
        assert "simulated" in sent.headers
    opened = Decryptor(into.keys, topic).event(found[0].key, found[0].event)
    assert opened is not None
    assert (opened["bmi_class_who"], opened["bmi_class_korea"]) == (
        "PRE_OBESE",
        "OBESE_I",
    )  # 71.2 kg, 163.5 cm
    assert (opened["sex"], opened["age_band"]) == ("FEMALE", "AGE_30_39")


def test_ciphertexts_of_a_field_are_equally_long_whatever_the_class(tmp_path: Path) -> None:
    """Length tells nothing: of classes, flags and codes alike."""
    rows: list[dict[str, object]] = [
        {},
        {"WeightKg": 150, "StandingHeightCm": 90, "WaistCircumferenceCm": 120},
        {"WeightKg": 45, "BodyMassIndexKgm2": 55, "Gender": "Male", "AgeInYearsAtScreening": 80},
    ]
    for topic, names in (
        (agents.CLASSIFICATION, ("bmi_class_who", "sex", "flags", "doubtful")),
        (agents.COHORT_ENTRY, ("classes",)),
    ):
        found = [sent.event for sent in derive(door(tmp_path), rows) if sent.topic == topic]
        assert len(found) == len(rows)
        for name in names:
            assert len({len(event[name]) for event in found}) == 1


def test_persons_are_counted_without_any_of_them(tmp_path: Path) -> None:
    """Twelve women of 30-39: ten are told; what fewer than five are in is not."""
    cells = told(count(into := door(tmp_path), entries(into)))
    assert cells["ALL", "ALL", "PERSONS", "ALL"] == 10
    assert cells["FEMALE", "30-39", "PERSONS", "ALL"] == 10
    assert all(persons % AT_LEAST == 0 and persons >= AT_LEAST for persons in cells.values())
    assert ("MALE", "ALL", "PERSONS", "ALL") not in cells
    names = {agents.CLASS_COUNT: CATALOG.topics[agents.CLASS_COUNT].schema.record["fields"]}
    assert "person" not in {field["name"] for field in names[agents.CLASS_COUNT]}


def test_the_same_counts_for_any_order_and_any_batches(tmp_path: Path) -> None:
    """Entries come over several partitions; even the end may come first. Same ids, same bytes."""
    into = door(tmp_path)
    given = entries(into)
    want = [(sent.event["event_id"], sent.value) for sent in count(into, given)]
    assert want
    for seed, size in ((1, 1), (2, 3), (3, 1_000)):
        mixed = random.Random(seed).sample(given, len(given))
        assert [(sent.event["event_id"], sent.value) for sent in count(into, mixed, size)] == want


def test_events_that_come_twice_change_nothing(tmp_path: Path) -> None:
    """A replay or an agent that was killed sends its tail again."""
    into = door(tmp_path)
    assert_repeats_change_nothing(CATALOG, RULES, events(*ROWS[:6]), topic=agents.MEASUREMENT, producer=into)
    assert_repeats_change_nothing(CATALOG, RULES, entries(into), topic=agents.COHORT_ENTRY, producer=into)


def test_a_cohort_is_counted_only_when_all_of_it_came(tmp_path: Path) -> None:
    """An early count would differ from run to run, and its difference to the next would tell of one person."""
    into = door(tmp_path)
    assert count(into, entries(into, accepted=13)) == []
    assert count(into, entries(into)[:-1]) == []


def test_a_person_of_sixty_mornings_is_one_person(tmp_path: Path) -> None:
    """Events are no persons: nothing of a single resident is told."""
    into = door(tmp_path)
    same: list[dict[str, object]] = [{"SEQN": "93703.0", "WeightKg": 70 + day} for day in range(60)]
    assert count(into, entries(into, same)) == []


def test_who_is_forgotten_before_the_count_is_not_in_it(tmp_path: Path) -> None:
    """Their entries cannot be opened; those of others count, and the cohort still closes."""
    into = door(tmp_path)
    given = entries(into)
    for person in sorted({entry["person"] for entry in given if entry["person"]})[:3]:
        into.keys.forget(person)
    assert told(count(into, given))["ALL", "ALL", "PERSONS", "ALL"] == 5  # nine are left


def test_of_who_is_forgotten_nothing_is_derived_but_that_an_entry_came(tmp_path: Path) -> None:
    """No classification, no dead letter, no pseudonym."""
    into = door(tmp_path)
    raw = [into.prepare(agents.MEASUREMENT, event) for event in events(*ROWS[:2])]
    into.keys.forget((raw[0].key or b"").decode())
    into.records.clear()
    for each in raw:
        into.send(each)
    opened = [sent.event for sent in into.sent(agents.MEASUREMENT)]
    found = run_handlers(CATALOG, RULES, opened, topic=agents.MEASUREMENT, producer=_Wire(into))
    assert [sent.topic for sent in found] == [agents.COHORT_ENTRY, agents.COHORT_ENTRY, agents.CLASSIFICATION]
    assert (found[0].event["person"], found[0].event["classes"]) == (None, None)


class _Wire(MemoryProducer):
    """The same keys, for events that were encrypted before."""

    def __init__(self, of: MemoryProducer) -> None:
        super().__init__(CATALOG, of.config, of.keys)
        self._of = of

    def prepare(self, topic_name: str, event: Any, **options: Any) -> Any:
        """Take measurements as they stand on the topic."""
        if topic_name == agents.MEASUREMENT:
            return next(
                each for each in self._of.records if each.value and event["event_id"] in _id_of(each.value)
            )
        return super().prepare(topic_name, event, **options)


def _id_of(value: bytes) -> str:
    from schemas.codec import decode

    return str(decode(value, CATALOG, raw=True)[1]["event_id"])


def test_the_state_holds_ciphertext_only(tmp_path: Path) -> None:
    """What stands in the changelog opens for nobody without the person's key."""
    cohort = Cohort()
    into = door(tmp_path)
    for entry in entries(into)[:-1]:
        cohort.add(
            entry["event_id"],
            entry["cycle"],
            entry["person"],
            LatestEntry(1, entry["event_id"], entry["classes"]),
        )
    text = orjson.dumps(cohort.to_value())
    assert text.count(b"p-") == len(ROWS)
    assert b"FEMALE" not in text
    assert Cohort.from_value(orjson.loads(text)) == cohort


def test_a_large_cohort_is_counted_by_a_fair_sample_that_fits_the_changelog() -> None:
    """The same persons in any order, and a state below Kafka's limit; a larger one still is not counted."""
    people = [(f"p-{number:032x}", f"{number}") for number in range(LARGEST_SAMPLE + 50)]
    found = []
    for order in (people, people[::-1]):
        cohort = Cohort()
        for person, entry_id in order:
            cohort.add(
                entry_id, "c", person, LatestEntry(1, f"01890000-0000-7000-8000-{entry_id:0>12}", bytes(45))
            )
        found.append(cohort)
    assert found[0] == found[1]
    assert found[0].sampled
    assert len(found[0].persons) == LARGEST_SAMPLE
    found[0].seen |= {f"{number:012}" for number in range(LARGEST_COHORT - len(found[0].seen))}
    assert len(orjson.dumps(found[0].to_value())) < 980_000
    found[0].add("one more", None, None, None)
    assert found[0].to_value() == {"done": True}


def test_neither_a_small_group_nor_the_difference_of_two_counts_tells_of_few() -> None:
    """Nine and five are both told as five: who knows a whole and its parts learns no exact number."""
    women = [Person("FEMALE", "AGE_30_39", ("NORMAL", "NORMAL", None, None), ())] * 9
    men = [Person("MALE", "AGE_30_39", ("OBESE_I", "OBESE_II", None, None), ())] * 4
    cells = {each[:4]: each.persons for each in counts([*women, *men])}
    assert cells["ALL", "ALL", "PERSONS", "ALL"] == 10
    assert cells["FEMALE", "ALL", "WHO", "NORMAL"] == 5
    assert not [cell for cell in cells if cell[0] == "MALE" or cell[3] == "OBESE_I"]


def test_a_recording_of_another_domain_ends_no_cohort() -> None:
    """`platform.recording` tells the end of every recording."""
    other = ending(5, domain="air_quality")
    assert run_handlers(CATALOG, RULES, [other], topic=agents.RECORDING) == []


def test_only_a_rule_that_says_so_is_given_the_keys() -> None:
    """Least privilege: an undeclared rule cannot open what it reads."""
    with pytest.raises(DeclarationError, match="did not declare"):
        record(agents.MEASUREMENT, {"source": f"{STREAM}#1"}, key="p-1").decrypted()
    assert {str(rule.rule) for rule in RULES if rule.decrypts} == {
        "health-classes@3",
        "health-class-counts@2",
        "health-day-counts@1",
    }
