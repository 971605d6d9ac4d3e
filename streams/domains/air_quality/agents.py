"""Runs the rules on their topic: readings → indices and changes of category.

One agent derives both, so that the state of a station is stored once. Grace is 0 (see the package's docstring).
"""

from collections.abc import Iterator

from schemas.names import topic_name
from streams.agents import Output, Record, State, batched
from streams.domains.air_quality.rules import StationState, assess, change_fields

READING = topic_name("air_quality", "reading")
INDEX = topic_name("air_quality", "index")
CATEGORY_CHANGE = topic_name("air_quality", "category-change")
RULE = "air-quality-index@2"


@batched(READING, rule=RULE, outputs=(INDEX, CATEGORY_CHANGE))
def index(record: Record, state: State) -> Iterator[Output]:
    """Derive the indices of a reading, and the category changes that it makes certain."""
    averaging = record.event["averaging"]
    stored = state.get() or {}
    before = StationState.from_value(stored[averaging]) if averaging in stored else None
    after, assessment = assess(before, record.event)
    state.put({**stored, averaging: after.to_value()})
    if assessment is None:
        return
    common = {
        "station": record.event["station"],
        "city": record.event["city"],
        "zone": record.event["zone"],
        "rule": RULE,
        "reading_id": record.event_id,
    }
    yield Output(INDEX, {**common, "averaging": averaging, **assessment.fields()}, key=record.key)
    for change in assessment.changes:
        yield Output(CATEGORY_CHANGE, {**common, **change_fields(change, assessment.basis)}, key=record.key)
