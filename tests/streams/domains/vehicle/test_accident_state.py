"""The state of the accident rule as it lies in changelogs: written and read byte for byte."""

from typing import Any

import orjson
import pytest

from streams.domains.vehicle.accident_state import AccidentState
from streams.domains.vehicle.accidents import apply_signal
from streams.domains.vehicle.crash import STANDARD_GRAVITY
from tests.streams.domains.vehicle.drive import BEGIN_US

ROUGH = -20 * STANDARD_GRAVITY
DRIVING = (
    b'{"last_a":null,"gap_us":null,"live":false,"fine_us":0,"value":[null,null],"since_us":0,"begun_us":0,'
    b'"felt_us":0,"own_x":0.0,"slices":[],"event":null,"until_end":false,"deployed":false,"speeds":[[1772438400000000,'
    b'72.5]],"slip":null,"suspicion":null,"fired_us":null,"count":0,"context":{"speed":72.5,"level":"SAE_2","place":[45.0,'
    b'7.5]},"frontier":1772438400000000,"seen":["e0"],'
    b'"stretch":[1772438400000000,null]}'
)
CRASHING = (
    b'{"last_a":1772438400050000,"gap_us":10000,"live":true,"fine_us":1772438400010000,'
    b'"value":[-196.13299999999998,null],"since_us":1772438400030000,"begun_us":1772438400010000,'
    b'"felt_us":1772438400050000,"own_x":-21.182364,"slices":[[1772438400010000,1772438400020000,0.0,0.0],[1772438400020000,'
    b"1772438400030000,-7.060788,0.0],[1772438400030000,1772438400040000,-7.060788,0.0],[1772438400040000,"
    b'1772438400050000,-7.060788,0.0]],"event":{"zero_us":1772438400010000,"first":["e30","0000001e"],'
    b'"context":{"speed":72.5,"level":"SAE_2","place":[45.0,7.5]},"x":-21.182364,"y":0.0,"sideways":false,'
    b'"max":21.182364,"max_us":40000,"max_x":-21.182364,"max_y":0.0,"end_us":null,"trigger":"DELTA_V_150_MS",'
    b'"signal":["e40","00000028"],"restraint":false,"longest_us":10000,"felt":true,"measured":true,'
    b'"across":false,"window":[1772438400020000,1772438400050000,-21.182364,0.0],"from_speed":null,'
    b'"speed_x":null,"speed_us":0,"by_speed":false,"drop":null,"quiet":false,"reached_us":null,'
    b'"within":0.0,"top":0.0,"behind_x":0.0,"behind_us":0},"until_end":false,"deployed":false,'
    b'"speeds":[[1772438400000000,72.5]],"slip":null,"suspicion":null,"fired_us":null,"count":0,"context":{"speed":72.5,'
    b'"level":"SAE_2","place":[45.0,7.5]},"frontier":1772438400050000,"seen":["e50"],'
    b'"stretch":[1772438400000000,null]}'
)
STANDING = (
    b'{"last_a":null,"gap_us":null,"live":false,"fine_us":0,"value":[null,null],"since_us":0,"begun_us":0,'
    b'"felt_us":0,"own_x":0.0,"slices":[],"event":null,"until_end":false,"deployed":false,"speeds":[[1772438400000000,'
    b'90.0],[1772438405000000,0.0],[1772438410000000,0]],"slip":null,"suspicion":{"at":1772438405000000,"drop":90.0,'
    b'"input":["e5000","00001388"],"context":{"speed":90.0,"level":null,"place":[null,null]}},"fired_us":null,'
    b'"count":0,"context":{"speed":0,"level":null,"place":[null,null]},"frontier":1772438410000000,'
    b'"seen":["e10000"],"stretch":[1772438400000000,null]}'
)


def a_signal(at_ms: int, **fields: Any) -> dict[str, Any]:
    """Make a signal whose id and salt name its moment."""
    identity = {"vehicle": "v", "event_id": f"e{at_ms}", "salt": at_ms.to_bytes(4, "big")}
    return {**identity, "occurred_at": BEGIN_US + at_ms * 1000, **fields}


BEFORE = a_signal(
    0,
    speed=72.5,
    adas_active_autonomy_level="SAE_2",
    current_location_latitude=45.0,
    current_location_longitude=7.5,
)
PULSE = [a_signal(10 * n, acceleration_longitudinal=ROUGH if n > 2 else 0.0) for n in range(1, 6)]
STOP = [a_signal(0, speed=90.0), a_signal(5_000, speed=0.0), a_signal(10_000, speed=0)]


@pytest.mark.parametrize(
    ("signals", "stored"), [([BEFORE], DRIVING), ([BEFORE, *PULSE], CRASHING), (STOP, STANDING)]
)
def test_a_state_is_stored_in_the_same_bytes_for_good(signals: list[dict[str, Any]], stored: bytes) -> None:
    """Field by field in one order, numbers as they came: what older versions wrote and what we write are one."""
    state = b""
    for each in signals:
        kept, _ = apply_signal(orjson.loads(state) if state else None, each)
        state = orjson.dumps(kept)
    assert state == stored


@pytest.mark.parametrize("stored", [DRIVING, CRASHING, STANDING])
def test_a_stored_state_is_read_whole(stored: bytes) -> None:
    """Reading and writing it changes nothing, and neither does a signal that is not newer."""
    assert orjson.dumps(AccidentState.read(orjson.loads(stored))) == stored
    kept, found = apply_signal(orjson.loads(stored), a_signal(0, speed=1.0))
    assert orjson.dumps(kept) == stored
    assert found == []
