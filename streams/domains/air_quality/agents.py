"""The rules on their topic: every reading → the indices, and now and then a change of category.

One rule makes both, so that what is kept of a station is kept once. Grace is 0 (see the package's docstring).
"""

from collections.abc import Iterator

from schemas.names import topic_name
from streams.agents import Output, Record, State, batched
from streams.domains.air_quality.rules import Memory, assess, change_fields

READING = topic_name("air_quality", "reading")
INDEX = topic_name("air_quality", "index")
CATEGORY_CHANGE = topic_name("air_quality", "category-change")
RULE = "air-quality-index@1"


@batched(READING, rule=RULE, outputs=(INDEX, CATEGORY_CHANGE))
def index(record: Record, state: State) -> Iterator[Output]:
    """Derive the indices of a reading and the category changes that it settles."""
    averaging = record.event["averaging"]
    kept = state.get() or {}
    memory = Memory.from_value(kept[averaging]) if averaging in kept else None
    memory, verdict = assess(memory, record.event)
    state.put({**kept, averaging: memory.to_value()})
    if verdict is None:
        return
    common = {
        "station": record.event["station"],
        "city": record.event["city"],
        "rule": RULE,
        "reading_id": record.event_id,
    }
    yield Output(INDEX, {**common, "averaging": averaging, **verdict.fields()}, key=record.key)
    for change in verdict.changes:
        yield Output(CATEGORY_CHANGE, {**common, **change_fields(change)}, key=record.key)
