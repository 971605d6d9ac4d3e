"""Event ids and salts (docs/identity.md)."""

import stat
import time
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import DeclarationError, StopError
from streams.identity import event_ids as identity
from streams.identity.event_ids import Rule
from streams.identity.secret import deployment_secret

DIGEST = bytes(range(32))
RULE = Rule("air-quality-index", 1)


@given(
    st.integers(0, (1 << 48) - 1),
    st.binary(min_size=32, max_size=32),
    st.integers(1, 2**40),
    st.integers(0, 9),
)
def test_a_recording_id_is_a_uuid_7_of_its_unshifted_time(
    ms: int, digest: bytes, record: int, event: int
) -> None:
    """Version, variant and the 48 bits of time are where RFC 9562 has them."""
    found = UUID(identity.recording_id(ms, digest, record, event))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == ms


def test_a_replay_that_is_run_again_makes_the_same_ids() -> None:
    """The id is a function of file, record and event, each of which changes it."""
    places = [(1, 0), (2, 0), (1, 1), (2, 1)]
    ids = [identity.recording_id(1000, DIGEST, *place) for place in places]
    assert ids == [identity.recording_id(1000, DIGEST, *place) for place in places]
    assert len({*ids, identity.recording_id(1000, DIGEST[::-1], 1)}) == 5


def test_a_time_before_1970_has_no_uuid_7() -> None:
    """It is refused, not wrapped round."""
    with pytest.raises(ValueError, match="expected 0 to 2"):
        identity.recording_id(-1, DIGEST, 1)


def test_a_device_id_is_random_and_of_now() -> None:
    """Two at the same time differ; the time is the clock's."""
    before = time.time_ns() // 1_000_000
    first, second = UUID(identity.device_id()), UUID(identity.device_id())
    assert first != second
    assert before <= first.int >> 80 <= time.time_ns() // 1_000_000
    assert identity.device_salt() != identity.device_salt()


def test_a_derived_id_is_a_uuid_8_of_inputs_rule_version_and_index() -> None:
    """Each of them changes it; text and UUID inputs are the same input."""
    one, two = identity.device_id(), identity.device_id()
    base = identity.derived_id([one], RULE)
    assert UUID(base).version == 8
    assert base == identity.derived_id([UUID(one)], RULE, 0)
    others = {
        identity.derived_id([two], RULE),
        identity.derived_id([one, two], RULE),
        identity.derived_id([two, one], RULE),
        identity.derived_id([one], Rule("air-quality-index", 2)),
        identity.derived_id([one], Rule("other", 1)),
        identity.derived_id([one], RULE, 1),
    }
    assert len(others | {base}) == 7


def test_ids_stay_as_they_are() -> None:
    """Golden values: a change here makes every recording and every derived event another one."""
    recording = identity.recording_id(1_704_067_200_000, DIGEST, 7, 1)
    derived = identity.derived_id([recording], RULE, 3)
    assert recording == "018cc251-f400-7909-ace8-d6b81de4ed18"
    assert derived == "7ebcda48-be07-8117-b94b-742c5cd8087e"
    assert identity.derived_salt([bytes(16)], derived).hex() == "52c52a0bcd93dad749c4503f72e48615"


def test_sisters_of_one_input_have_different_salts() -> None:
    """Who may read one derived event does not learn the salt of the other."""
    salts = [bytes(16)]
    ids = [identity.derived_id([identity.device_id()], RULE, index) for index in range(2)]
    assert identity.derived_salt(salts, ids[0]) != identity.derived_salt(salts, ids[1])


def test_the_deployment_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    """The file is 0600, a second look returns the same secret, and it never prints."""
    keys = tmp_path / "keys"
    event_id = identity.device_id()
    salt = identity.recording_salt(deployment_secret(keys), event_id)
    assert salt == identity.recording_salt(deployment_secret(keys), event_id)
    assert len(salt) == 16
    path = keys / "deployment.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().hex() not in repr(deployment_secret(keys))
    assert repr(deployment_secret(keys)) == "DeploymentSecret(***)"


def test_a_truncated_secret_stops_rather_than_changing_every_salt(tmp_path: Path) -> None:
    """The message tells expected and got, and what to do."""
    (tmp_path / "deployment.secret").write_bytes(b"short")
    with pytest.raises(StopError, match="expected 32 bytes, got 5: restore it"):
        deployment_secret(tmp_path)


@pytest.mark.parametrize("text", ["", "name", "name@", "@1", "name@0", "name@x", "name@-1", "name@²"])
def test_a_rule_without_a_version_is_refused(text: str) -> None:
    """Outputs of two versions must never share ids."""
    with pytest.raises(DeclarationError, match="expected name@version"):
        Rule.parse(text)


def test_each_recording_is_its_own_stream() -> None:
    """A stream is the source without its record number; recordings and scenarios are simulated."""
    assert identity.stream_of("replay:0123456789abcdef#77") == "replay:0123456789abcdef"
    assert identity.stream_of("device:7") == "device:7"
    assert identity.is_simulated("scenario:crash#1")
    assert not identity.is_simulated("device:replay:1")
