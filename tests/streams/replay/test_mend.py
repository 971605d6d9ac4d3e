"""A refused record is mended alone: only it goes in, a second mend repeats the first, and all of it or nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.catalog import load_catalog
from schemas.codec import decode
from streams.config import StreamsConfig
from streams.errors import MendError, UnknownFormatError
from streams.identity.secret import deployment_secret
from streams.readers.formats import Accepted, Refused, Skipped
from streams.record import ProducerRecord
from streams.replay.checkpoint import CheckpointFolder, ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.mend import HEADER, RefusedRecord, mend
from streams.replay.recordings import find
from streams.replay.records import RecordWriter
from streams.testing import MemoryProducer

CATALOG = load_catalog()
LETTER = "0f3b1f0e-7c1e-8b1c-9c58-1a5c0a3f8a11"
HEAD = "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
GOOD = "1,2013,3,1,0,4,4,4,7,300,77,-0.7,1023,-18.8,0,NNW,4.4,Aotizhongxin\n"
BAD = "2,2013,13,1,1,8,8,4,7,300,77,-1.1,1023.2,-18.2,0,N,4.7,Aotizhongxin\n"
CORRECTED = BAD.replace("2013,13", "2013,3")


class City:
    """A data directory in which a recording with one refused record was replayed."""

    def __init__(self, folder: Path) -> None:
        source = folder / "PRSA.csv"
        source.write_text(HEAD + GOOD + BAD)
        (recording,) = find([source])
        assert recording.format is not None
        self.config = StreamsConfig(data=folder / "city")
        self.producer = MemoryProducer(CATALOG, self.config)
        self.refused = RefusedRecord(LETTER, source.name, recording.sha256, 2)
        self.corrected = folder / "corrected.csv"
        self.corrected.write_text(HEAD + CORRECTED)
        checkpoint = ReplayCheckpoint(recording.format.name, 86_400_000_000, read=2, accepted=1, refused=1)
        CheckpointFolder(self.config.data / "replay").save(recording.sha256, checkpoint)
        self.input = Input(recording, checkpoint)

    def mend(self) -> list[ProducerRecord]:
        """Mend with the corrected file."""
        return mend(self.config, self.producer, self.refused, self.corrected)


@pytest.fixture
def city(tmp_path: Path) -> City:
    """A recording with one refused record."""
    return City(tmp_path)


def test_the_recording_of_these_tests_has_one_refused_record(city: City) -> None:
    """What the mend is about."""
    assert [type(item) for item in city.input.items()] == [Skipped, Accepted, Refused]


def test_only_the_corrected_record_goes_in(city: City) -> None:
    """Its source is the refused record's, it has the recording's shift, and a header names the dead letter."""
    (record,) = city.mend()
    _, event = decode(record.value, CATALOG)
    assert record.topic == "air-quality.reading"
    assert event["source"] == f"replay:{city.refused.sha256[:16]}#2"
    assert (event["occurred_at"] - event["recorded_at"]).total_seconds() == 86_400
    assert dict(record.headers) == {"simulated": b"true", HEADER: LETTER.encode()}


def test_a_second_mend_repeats_the_first_byte_for_byte(city: City) -> None:
    """The ids follow from the dead letter; they are none of the recording's own."""
    first = city.mend()
    assert city.mend() == first
    writer = RecordWriter(city.producer, deployment_secret(city.config.keys), 0)
    own = [record for item in city.input.items() for record in writer.write(city.input, item)[1]]
    ids = {str(decode(each.value, CATALOG)[1]["event_id"]) for each in own}
    assert not ids & {str(decode(each.value, CATALOG)[1]["event_id"]) for each in first}


def test_another_letter_gives_other_ids(city: City) -> None:
    """Two refused records of equal content are two records."""
    first = city.mend()
    city.refused = replace(city.refused, event_id=LETTER.replace("0f3b", "1f3b"))
    assert city.mend() != first


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (HEAD + BAD, MendError, "record 1 line 2: refused again by .*@1: .*nothing was sent"),
        (HEAD + CORRECTED + BAD, MendError, "record 2 line 3: refused again"),
        (HEAD, MendError, "holds no record"),
        (CORRECTED, UnknownFormatError, "put the header of PRSA.csv"),
        ("", UnknownFormatError, "does not begin like"),
    ],
)
def test_all_of_the_file_is_accepted_or_nothing_goes_in(
    city: City, text: str, error: type[Exception], words: str
) -> None:
    """The line says why; a file that was refused does not count as the first one."""
    city.corrected.write_text(text)
    with pytest.raises(error, match=words) as found:
        city.mend()
    assert "\n" not in str(found.value)
    city.corrected.write_text(HEAD + CORRECTED)
    assert len(city.mend()) == 1


def test_another_file_than_the_first_is_refused(city: City) -> None:
    """It would give other values to the same ids."""
    city.mend()
    city.corrected.write_text(HEAD + CORRECTED.replace("300", "301"))
    with pytest.raises(MendError, match="another file"):
        city.mend()


def test_a_whole_file_and_a_file_never_replayed_are_told_what_to_do(city: City) -> None:
    """The former is replayed, the latter is not of this data directory."""
    with pytest.raises(MendError, match="city replay"):
        mend(city.config, city.producer, replace(city.refused, record=0), city.corrected)
    with pytest.raises(MendError, match="no replay of this file"):
        mend(city.config, city.producer, replace(city.refused, sha256="0" * 64), city.corrected)


def test_the_last_record_of_the_corrected_file_closes_nothing(tmp_path: Path, city: City) -> None:
    """It is not the last one of the recording: a meter's session goes on."""
    from streams.replay.mend import _unclosed

    assert _unclosed({"closes": True, "ends": "RECORDING_ENDED", "x": 1}) == {
        "closes": False,
        "ends": None,
        "x": 1,
    }
    assert _unclosed({"ends": "IGNITION_OFF"}) == {"ends": "IGNITION_OFF"}
