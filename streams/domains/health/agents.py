"""Runs the rules on their topics.

A measurement derives classes and a cohort entry, a recording's end the cohort's end, a complete cohort its counts. In
the live city a closed local day derives counts. Only the rule of the classes and those of the counts decrypt personal
values (`decrypts=True`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.names import topic_name
from streams.agents import Input, Output, Record, State, batched
from streams.domains.health.cohorts import Cohort, CohortEnd, LatestEntry
from streams.domains.health.counts import Count, counts, decode, encode
from streams.domains.health.days import ZONE, LiveDays
from streams.domains.health.rules import assess
from streams.identity.event_ids import is_simulated

DOMAIN = "health"
MEASUREMENT = topic_name(DOMAIN, "measurement")
CLASSIFICATION = topic_name(DOMAIN, "classification")
COHORT_ENTRY = topic_name(DOMAIN, "cohort-entry")
CLASS_COUNT = topic_name(DOMAIN, "class-count")
RECORDING = topic_name("platform", "recording")
CLASSES_RULE = "health-classes@3"
COHORT_END_RULE = "health-cohort-end@1"
COUNTS_RULE = "health-class-counts@2"
DAY_COUNTS_RULE = "health-day-counts@1"
LIVE = "live:"
"""Beginning of a live cohort's name. Its cycle follows."""


@batched(MEASUREMENT, rule=CLASSES_RULE, outputs=(CLASSIFICATION, COHORT_ENTRY), decrypts=True)
def classify(record: Record) -> Iterator[Output]:
    """Derive the classes of a measurement and its cohort entry; of a forgotten person, an entry without classes."""
    cycle, clear = record.event["cycle"], record.decrypted()
    cohort = record.stream if is_simulated(record.source) else f"{LIVE}{cycle}"
    entry = {"cohort": cohort, "cycle": cycle}
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
    if record.key.startswith(LIVE):
        return
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


@batched(COHORT_ENTRY, rule=DAY_COUNTS_RULE, outputs=(CLASS_COUNT,), cross_source=True, decrypts=True)
def count_day(record: Record, state: State) -> Iterator[Output]:
    """Keep the live city's entries encrypted, and count each local day once when it is closed.

    A count does not depend on the entry that closed the day: its input is the day's earliest entry, and its source the
    live cohort, since the source of an entry may name a person's device.
    """
    event = record.event
    if not record.key.startswith(LIVE) or event["person"] is None or event["classes"] is None:
        return
    days = LiveDays.from_value(state.get())
    entry = LatestEntry(record.occurred_us, record.event_id, event["classes"])
    closed = days.add(event["person"], entry, record.salt)
    for date, ends_us, day in closed:
        fields = {
            "source": record.key,
            "cohort": record.key,
            "cycle": record.key.removeprefix(LIVE),
            "rule": DAY_COUNTS_RULE,
            "sampled": day.sampled,
            "period": date,
            "zone": ZONE,
        }
        for each in _counts(record, day.persons):
            yield Output(
                CLASS_COUNT,
                {**fields, **_cell(each)},
                occurred_us=ends_us,
                inputs=(Input(day.first.event_id, day.first.salt),),
            )
    state.put(days.to_value())


def _class_counts(record: Record, cohort: Cohort) -> Iterator[Output]:
    """Yield the counts of a complete cohort as events of the cohort's end."""
    end = cohort.end
    if end is None:
        return
    fields = {
        "source": end.source,  # not that of the last entry: it depends on the order
        "cohort": record.key,
        "cycle": cohort.cycle or "",
        "rule": COUNTS_RULE,
        "sampled": cohort.sampled,
    }
    for each in _counts(record, cohort.persons):
        yield Output(
            CLASS_COUNT,
            {**fields, **_cell(each)},
            occurred_us=end.occurred_at,
            inputs=(Input(end.event_id, end.salt),),
        )


def _counts(record: Record, persons: Mapping[str, LatestEntry]) -> list[Count]:
    """Decrypt the code of each person and count them; persons who were forgotten are not counted."""
    codes = (
        record.decryptor.value(person, entry.entry_id, "classes", entry.ciphertext)
        for person, entry in sorted(persons.items())
    )
    return counts(decode(code) for code in codes if code is not None)


def _cell(count: Count) -> dict[str, Any]:
    """Return a count's group, class and number as fields of `health.class-count`."""
    return {
        "sex": count.sex,
        "age_band": count.age_band,
        "scheme": count.scheme,
        "class": count.name,
        "persons": count.persons,
    }
