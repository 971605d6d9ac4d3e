"""Sources that people reported trouble with, written anew and small. `test_reported.py` says what each one gives."""

import json
from collections.abc import Sequence
from typing import Any

from pyais import encode_dict

BEIJING = (
    "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station,lat,long\n"
    "1,2014,3,1,0,8,8,6,28,400,52,-0.7,1023,-18.8,0,NNW,4.4,Wanliu,,\n"
    "2,2014,3,1,1,9,NA,6,28,400,50,-1.1,1023.2,-18.2,0,N,4.7,Wanliu,,\n"
)
PRICING = (
    "Electricity Pricing [$],6h Prediction Electricity Pricing [$],12h Prediction Electricity Pricing [$],"
    "24h Prediction Electricity Pricing [$]\n0.2,0.2,0.3,0.2\n0.5,0.2,0.2,0.2\n"
)
SEOUL = (
    "측정일시,측정소명,이산화질소농도(ppm),오존농도(ppm),일산화탄소농도(ppm),아황산가스농도(ppm),미세먼지농도(㎍/㎥),"
    "초미세먼지농도(㎍/㎥)\n20220101,중구,0.02,0.02,0.4,0.003,15,11\n20220101,종로구,0.03,0.02,,0.003,12,9\n"
)


def quoted(table: str) -> bytes:
    """Quote every cell of a table and put a byte order mark in front of it."""
    rows = [",".join(f'"{cell}"' for cell in line.split(",")) for line in table.splitlines()]
    return "\n".join(["\ufeff" + rows[0], *rows[1:], ""]).encode()


def checksum(text: str) -> str:
    """Return the checksum of a sentence or tag block, without its first character: XOR, two hex digits (NMEA 0183)."""
    found = 0
    for character in text:
        found ^= ord(character)
    return f"{found:02X}"


def position(mmsi: int) -> str:
    """Return the sentence of a position report."""
    message: dict[str, str | int | float | bytes | bool] = {
        "msg_type": 1,
        "mmsi": mmsi,
        "lat": 52.5,
        "lon": 4.25,
        "speed": 7.5,
        "course": 90.0,
        "heading": 91,
    }
    (sentence,) = encode_dict(message, talker_id="AI", sentence_type="VDM", radio_channel="A")
    return str(sentence)


def static(mmsi: int, name: str, seq_id: int = 1) -> list[str]:
    """Return the two sentences of a ship's static data."""
    message: dict[str, str | int | float | bytes | bool] = {
        "msg_type": 5, "mmsi": mmsi, "imo": 9074729, "callsign": "TEST1", "shipname": name, "ship_type": 70,
        "destination": "ROTTERDAM",
    }  # fmt: skip
    return [
        str(each)
        for each in encode_dict(
            message, talker_id="AI", sentence_type="VDM", radio_channel="A", seq_id=seq_id
        )
    ]


def tagged(block: str, sentence: str, *, wrong: bool = False) -> str:
    """Put a tag block in front of a sentence (NMEA 0183 version 4), with a wrong checksum if asked."""
    hexadecimal = checksum(block)
    return f"\\{block}*{'00' if wrong and hexadecimal != '00' else hexadecimal}\\{sentence}"


def grouped(ships: Sequence[tuple[int, str, str]], order: Sequence[tuple[int, int]]) -> bytes:
    """Return the sentences of ships with group tag blocks, in an order of (ship, part), each from 0."""
    lines = []
    for ship, part in order:
        mmsi, name, station = ships[ship]
        block = f"g:{part + 1}-2-{1111 * (ship + 1)},s:{station},c:{1_700_000_000 + ship}"
        lines.append(tagged(block, static(mmsi, name)[part]))
    return ("\n".join(lines) + "\n").encode()


def epcis(*events: dict[str, Any], context: Sequence[object] = ()) -> bytes:
    """Return an EPCIS 2.0 document in JSON."""
    document = {
        "@context": [
            "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
            {"ex": "https://ex.example/"},
            *context,
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2024-03-01T10:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return json.dumps(document, indent=1).encode()


def observed(**members: Any) -> dict[str, Any]:
    """Return an ObjectEvent."""
    return {
        "type": "ObjectEvent",
        "eventTime": "2024-03-01T09:30:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "epcList": ["urn:epc:id:sgtin:4012345.011122.25"],
        **members,
    }


def epcis_xml(event: str, version: str, before: str = "") -> str:
    """Return an EPCIS document in XML.

    Args:
        event: The event's element.
        version: `1.2` or `2.0`.
        before: What stands between the declaration and the document.
    """
    return (
        f'{before}<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{version[0]}" '
        f'xmlns:ex="https://ex.example/" schemaVersion="{version}" creationDate="2024-03-01T10:00:00Z">'
        f"<EPCISBody><EventList>{event}</EventList>"
        "</EPCISBody></epcis:EPCISDocument>"
    )


OBSERVED_XML = (
    "<ObjectEvent><eventTime>2024-03-01T09:30:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
    "<epcList><epc>urn:epc:id:sgtin:4012345.011122.25</epc></epcList><action>OBSERVE</action>"
    "<bizStep>urn:epcglobal:cbv:bizstep:inspecting</bizStep>{}</ObjectEvent>"
)


def loaded(**members: Any) -> dict[str, Any]:
    """Return an equipment event of DCSA Track & Trace 2.2."""
    return {
        "eventID": "5e51e72c-d872-11ea-811c-0f8f10a32ea1",
        "eventType": "EQUIPMENT",
        "eventClassifierCode": "ACT",
        "eventDateTime": "2024-03-01T09:30:00+01:00",
        "eventCreatedDateTime": "2024-03-01T10:00:00+01:00",
        "equipmentEventTypeCode": "LOAD",
        "emptyIndicatorCode": "LADEN",
        "equipmentReference": "CSQU3054383",
        "ISOEquipmentCode": "22G1",
        "transportCall": {"transportCallID": "TC-1", "modeOfTransport": "VESSEL", "UNLocationCode": "DEHAM"},
        "documentReferences": [{"documentReferenceType": "BKG", "documentReferenceValue": "B123"}],
        "references": [],
        "seals": [{"sealNumber": "S1", "sealSource": "CAR"}],
        **members,
    }


def track(sensor: object, speeds: Sequence[str], sensors: Sequence[object] = ()) -> bytes:
    """Return an enviroCar track; speeds as JSON texts, sensors of single features."""
    features = []
    for number, speed in enumerate(speeds):
        own = f', "sensor": {json.dumps(sensors[number])}' if sensors else ""
        features.append(
            f'{{"type": "Feature", "geometry": {{"type": "Point", "coordinates": [7.6, 51.96]}}, "properties": '
            f'{{"id": "m{number}", "time": "2020-03-01T10:00:0{number}Z"{own}, '
            f'"phenomenons": {{"Speed": {{"value": {speed}, "unit": "km/h"}}}}}}}}'
        )
    properties = "{}" if sensor is None else f'{{"sensor": {json.dumps(sensor)}}}'
    return (
        f'{{"type": "FeatureCollection", "properties": {properties}, "features": [{", ".join(features)}]}}'
    ).encode()


HALF_HOURS = [f"{minutes // 60 % 24}:{minutes % 60:02d}" for minutes in range(30, 24 * 60 + 1, 30)]


def wide(*rows: str) -> bytes:
    """Return a table of Ausgrid: a title, a header, and rows of one customer, channel and day."""
    title = '"2012-2013 Solar home electricity data v2 - see the notes"' + "," * 53
    header = ",".join(
        [
            "Customer",
            "Generator Capacity",
            "Postcode",
            "Consumption Category",
            "date",
            *HALF_HOURS,
            "Row Quality",
        ]
    )
    return "\n".join([title, header, *(row + ",0.1" * 48 + "," for row in rows), ""]).encode()


NHANES_COLUMNS = (
    "SEQN", "Gender", "AgeInYearsAtScreening", "WeightKg", "StandingHeightCm", "BodyMassIndexKgm2", "TotalPercentFat",
    "TrunkPercentFat", "TrunkFatG", "WaistCircumferenceCm", "60SecPulse30SecPulse2", "SystolicBloodPres1StRdgMmHg",
    "DiastolicBloodPres1StRdgMmHg",
)  # fmt: skip


def nhanes(*rows: tuple[str, str]) -> bytes:
    """Return a table of NHANES; rows of SEQN and weight as they are spelled."""
    lines = [(seqn, "Female", "40.0", weight, "170.0", "24.2", *[""] * 7) for seqn, weight in rows]
    return "\n".join(["\t".join(each) for each in (NHANES_COLUMNS, *lines)] + [""]).encode()
