"""Runs the rules on their topics.

A measurement derives classes and a cohort entry, a recording's end the cohort's end, a complete cohort its counts.
Only the first rule and the last decrypt personal values (`decrypts=True`).
"""

from collections.abc import Iterator

from schemas.names import topic_name
from streams.agents import Input, Output, Record, State, batched
from streams.domains.health.cohorts import Cohort, CohortEnd, LatestEntry
from streams.domains.health.counts import counts, decode, encode
from streams.domains.health.rules import assess

DOMAIN = "health"
MEASUREMENT = topic_name(DOMAIN, "measurement")
CLASSIFICATION = topic_name(DOMAIN, "classification")
COHORT_ENTRY = topic_name(DOMAIN, "cohort-entry")
CLASS_COUNT = topic_name(DOMAIN, "class-count")
RECORDING = topic_name("platform", "recording")
CLASSES_RULE = "health-classes@1"
COHORT_END_RULE = "health-cohort-end@1"
COUNTS_RULE = "health-class-counts@1"


@batched(MEASUREMENT, rule=CLASSES_RULE, outputs=(CLASSIFICATION, COHORT_ENTRY), decrypts=True)
def classify(record: Record) -> Iterator[Output]:
    """Derive the classes of a measurement and its cohort entry; of a forgotten person, an entry without classes."""
    cycle, clear = record.event["cycle"], record.decrypted()
    entry = {"cohort": record.stream, "cycle": cycle}
    # The entry comes first, so that its id is the same whether a classification follows or not.
    if clear is None:
        yield Output(COHORT_ENTRY, entry)
        return
    assessment = assess(clear)
    yield Output(COHORT_ENTRY, {**entry, "person": record.key, "classes": encode(assessment)})
    head = {"person": record.key, "cycle": cycle, "rule": CLASSES_RULE, "measurement_id": record.event_id}
    yield Output(CLASSIFICATION, {**head, **assessment.fields()}, key=record.key)


@batched(RECORDING, rule=COHORT_END_RULE, outputs=(COHORT_ENTRY,))
def end(record: Record) -> Iterator[Output]:
    """Derive a cohort's end from the end of a recording or scenario of this domain."""
    if record.event["domain"] == DOMAIN:
        yield Output(COHORT_ENTRY, {"cohort": record.stream, "expected": record.event["accepted"]})


@batched(COHORT_ENTRY, rule=COUNTS_RULE, outputs=(CLASS_COUNT,), decrypts=True)
def count(record: Record, state: State) -> Iterator[Output]:
    """Keep a cohort's entries encrypted, and count once when all have come."""
    cohort = Cohort.from_value(state.get())
    if cohort.done:
        return
    event = record.event
    if event["expected"] is not None:
        cohort.end = CohortEnd(
            event["expected"], record.event_id, record.salt, record.source, record.occurred_us
        )
    else:
        ciphertext = event["classes"]
        entry = None if ciphertext is None else LatestEntry(record.occurred_us, record.event_id, ciphertext)
        cohort.add(record.event_id, event["cycle"], event["person"], entry)
    if cohort.complete:
        yield from _class_counts(record, cohort)
        cohort.finish()
    state.put(cohort.to_value())


def _class_counts(record: Record, cohort: Cohort) -> Iterator[Output]:
    """Decrypt the code of each person, and yield the counts as events of the cohort's end."""
    end = cohort.end
    if end is None:
        return
    codes = (
        record.decryptor.value(person, entry.entry_id, "classes", entry.ciphertext)
        for person, entry in sorted(cohort.persons.items())
    )
    for each in counts(decode(code) for code in codes if code is not None):
        fields = {
            "source": end.source,  # not that of the last entry: it depends on the order
            "cohort": record.key,
            "cycle": cohort.cycle or "",
            "rule": COUNTS_RULE,
            "sex": each.sex,
            "age_band": each.age_band,
            "scheme": each.scheme,
            "class": each.name,
            "persons": each.persons,
            "sampled": cohort.sampled,
        }
        yield Output(
            CLASS_COUNT,
            fields,
            occurred_us=end.occurred_at,
            inputs=(Input(end.event_id, end.salt),),
        )
