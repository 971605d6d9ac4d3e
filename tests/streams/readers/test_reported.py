"""What each source that people reported trouble with gives: format, accepted, refused, what must hold of its events.

`reported.py` writes them. Further inputs of each kind stand in the tests of their readers.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.readers.formats import Accepted, Item, Refused
from streams.replay.recordings import formats
from tests.streams.readers import reported as r
from tests.streams.readers.accounting import Seed, accounted

Fields = list[Mapping[str, Any]]


class Case(NamedTuple):
    """A reported source.

    Attributes:
        name: What was reported.
        file: Name of its file.
        data: Its bytes.
        form: Its format, None if no domain reads it.
        accepted: Accepted records.
        refused: Rules of the refused records, in order.
        holds: What must hold of the fields of its events.
    """

    name: str
    file: str
    data: bytes
    form: str | None
    accepted: int
    refused: tuple[str, ...] = ()
    holds: Callable[[Fields], object] = lambda _: True


A, B = r.position(219_000_111), r.position(219_000_222)
SHIPS = ((219_000_111, "FIRST", "stA"), (219_000_222, "SECOND", "stB"))
FIX = "GPRMC,213950.00,A,5250.53669,N,00542.34920,E,0.020,,070420,,,A"
MARINE = "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo"
NAMES = {"FIRST", "SECOND"}

CASES = (
    Case(
        "parts of two ships interleaved",
        "a.nmea",
        r.grouped(SHIPS, [(0, 0), (1, 0), (0, 1), (1, 1)]),
        "ais-nmea",
        2,
        holds=lambda found: {each["name"] for each in found} == NAMES,
    ),
    Case(
        "parts of two ships, of each one lost",
        "a.nmea",
        r.grouped(SHIPS, [(0, 0), (1, 1)]),
        "ais-nmea",
        0,
        ("ais-group@", "ais-group@"),
    ),
    Case(
        "a tag block with a wrong checksum",
        "a.nmea",
        f"{r.tagged('c:1900000100,s:rA1', A, wrong=True)}\n{r.tagged('c:1700000100,s:rA1', B)}\n".encode(),
        "ais-nmea",
        2,
        holds=lambda found: "TAG_BLOCK_CHECKSUM" in found[0]["flags"] and found[1]["flags"] == [],
    ),
    Case("two sentences on a line", "a.nmea", f"{A}{B}\n{A}\n".encode(), "ais-nmea", 3),
    Case("a sentence behind a fix", "a.nmea", f"${FIX}*{r.checksum(FIX)}{A}\n{B}\n".encode(), "ais-nmea", 2),
    Case("CR alone", "a.nmea", f"{A}\r{B}".encode(), "ais-nmea", 2),
    Case("LFCR", "a.nmea", f"{A}\n\r{B}\n\r".encode(), "ais-nmea", 2),
    Case("a byte order mark", "a.nmea", f"\ufeff{A}\n{B}\n".encode(), "ais-nmea", 2),
    Case(
        "an ISO time in front",
        "a.nmea",
        f"2023-11-14T22:15:00Z {A}\n2023-11-14T22:15:01Z {B}\n".encode(),
        "ais-nmea",
        2,
    ),
    Case(
        "one odd line among the first",
        "a.nmea",
        ("\n".join([A, B] * 7) + f"\n {A}\n{B}\n{A[:12]}\n").encode(),
        "ais-nmea",
        16,
        ("ais-sentence@",),
    ),
    Case(
        "MarineCadastre 2017, status as text, negative motion",
        "a.csv",
        f"{MARINE}\n367000111,2017-01-15T00:00:03,47.6,-122.3,0.1,-133.6,511.0,TUG,IMO9074729,W1,1025,"
        "under way using engine,30.48,9.14,3.5,\n".encode(),
        "ais-marinecadastre",
        1,
        holds=lambda found: found[0]["nav_status"] == 0 and "COG_SIGN_CORRECTED" in found[0]["flags"],
    ),
    Case(
        "MarineCadastre 2018, TranscieverClass",
        "a.csv",
        f"{MARINE},TranscieverClass\n338000112,2018-06-01T00:00:07,47.6,-122.3,0.0,360.0,511.0,SAIL,IMO0000000,,36,,10,3,,,B"
        "\n".encode(),
        "ais-marinecadastre",
        1,
        holds=lambda found: found[0]["transceiver_class"] == "B" and found[0]["imo"] is None,
    ),
    Case(
        "MarineCadastre 2025, snake case",
        "a.csv",
        b"mmsi,base_date_time,longitude,latitude"
        b",sog,cog,heading,vessel_name,imo,call_sign,vessel_type,status,length,width,"
        b"draft,cargo,transceiver\n367000111,2025-01-01 00:00:03,-122.3,47.6,0.1,"
        b"133.6,511,TUG,IMO9074729,W1,31,0,30,9,3.5,"
        b"52,A\n",
        "ais-marinecadastre",
        1,
        holds=lambda found: (found[0]["latitude"], found[0]["longitude"]) == (47.6, -122.3),
    ),
    Case(
        "Danish AIS",
        "aisdk-2024-01-01.csv",
        b"# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,"
        b"ROT,SOG,COG,Heading,IMO,Callsign,Name,Ship "
        b"type,Cargo type,"
        b"Width,Length,Type of position fixing device,Draught,Destination,ETA,Data source type,A,B,C,D\n"
        b"01/01/2024 00:00:00,Class A,219000111,55.1,12.3,Under way using engine,"
        b"0.0,7.1,81.5,80,9074729,T1,SHIP,Cargo,,16,"
        b"110,GPS,6.5,KOBENHAVN,14/05/2024 20:10:00,AIS,90,20,8,8\n",
        "ais-dma",
        1,
        holds=lambda found: found[0]["sog"] == 7.1,
    ),
    Case(
        "EPCIS sensor reports with all members",
        "a.json",
        r.epcis(
            r.observed(
                sensorElementList=[
                    {
                        "sensorReport": [
                            {
                                "type": "Illuminance",
                                "percRank": 12.5,
                                "percValue": 3,
                                "uom": "LUX",
                                "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                                "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                                "rawData": "https://ex.example/raw",
                            }
                        ]
                    }
                ]
            )
        ),
        "epcis-json",
        1,
    ),
    Case(
        "an extension of the read point",
        "a.json",
        r.epcis(r.observed(readPoint={"id": "urn:epc:id:sgln:4012345.00001.0", "ex:door": 3})),
        "epcis-json",
        1,
    ),
    Case(
        "EPCIS in UTF-16 with a stylesheet",
        "a.xml",
        r.epcis_xml(
            r.OBSERVED_XML.format(""),
            "2.0",
            '<?xml version="1.0" encoding="UTF-16"?><?xml-stylesheet href="a"?>',
        ).encode("utf-16"),
        "epcis-xml",
        1,
    ),
    Case(
        "EPCIS 1.2 with an extension",
        "a.xml",
        r.epcis_xml(
            r.OBSERVED_XML.format(
                "<extension><sourceList><source type='urn:epcglobal:cbv:sdt:owning_party'>"
                "urn:epc:id:sgln:4012345.00001.0"
                "</source></sourceList></extension>"
            ),
            "1.2",
        ).encode(),
        "epcis-xml",
        1,
    ),
    Case(
        "a number beyond a double",
        "a.json",
        r.epcis(r.observed(**{"ex:n": "?"})).replace(b'"?"', b"1e400"),
        "epcis-json",
        1,
        holds=lambda found: "1e400" in json.dumps(dict(found[0]), default=str),
    ),
    Case(
        "a decimal with trailing zeros",
        "a.json",
        r.epcis(r.observed(**{"ex:n": "?"})).replace(b'"?"', b"10.00"),
        "epcis-json",
        1,
        holds=lambda found: "10.00" in json.dumps(dict(found[0]), default=str),
    ),
    Case("a DCSA event by itself", "a.json", json.dumps(r.loaded(), indent=1).encode(), "dcsa-tnt-2.2", 1),
    Case(
        "DCSA 2.2 events in an object",
        "a.json",
        json.dumps({"events": [r.loaded()]}).encode(),
        "dcsa-tnt-2.2",
        1,
    ),
    Case(
        "an enviroCar sensor as text",
        "a.json",
        r.track("51cdb01ae4b0f763", ["50.0", "51.0"]),
        "envirocar-track",
        2,
        holds=lambda found: {each["vehicle"] for each in found} == {"envirocar:51cdb01ae4b0f763"},
    ),
    Case(
        "NaN in one feature",
        "a.json",
        r.track("51cdb01ae4b0f763", ["50.0", "51.0", "NaN", "52.0"]),
        "envirocar-track",
        3,
        ("read-envirocar-track@",),
    ),
    Case(
        "two cars in one collection",
        "a.json",
        r.track(None, ["50.0", "51.0"], ["one", "two"]),
        "envirocar-track",
        2,
        holds=lambda found: len({each["vehicle"] for each in found}) == 2,
    ),
    Case(
        "the hour that clocks repeat",
        "customer900.csv",
        b",GC,GG\n2012-04-01 01:30:00,0.4,0\n2012-04-01 02:00:00,0.6,0\n"
        b"2012-04-01 02:30:00,0.8,0\n2012-04-01 02:00:00,0.5,0"
        b"\n2012-04-01 02:30:00,0.7,0\n2012-04-01 03:00:00,0.4,0\n",
        "ausgrid-half-hourly",
        6,
        holds=lambda found: sum(each["consumption_wh"] for each in found) == 1700,
    ),
    Case(
        "Ausgrid's own table",
        "a.csv",
        r.wide("900,1.50,2000,GC,1/07/2012", "900,1.50,2000,GG,1/07/2012"),
        "ausgrid-solar-homes",
        1,
    ),
    Case(
        "CityLearn 2023 intensity",
        "carbon_intensity.csv",
        b"carbon_intensity[kg_CO2/kWh]\n0.17\n0.16\n",
        "citylearn-carbon-intensity",
        2,
    ),
    Case(
        "SAS zero in other spellings",
        "a.tsv",
        r.nhanes(
            ("93799.0", "70.0"),
            ("9.3799e4", "5.397605e-79"),
            ("93801", "5.3976053469340279e-79"),
            ("93802", "."),
        ),
        "nhanes",
        4,
        holds=lambda found: [each["body_weight"] for each in found] == [70.0, 0.0, 0.0, None],
    ),
    Case("Beijing, a byte order mark and quotes", "a.csv", r.quoted(r.BEIJING), "beijing-prsa", 2),
    Case(
        "CityLearn's prices, a byte order mark and quotes",
        "a.csv",
        r.quoted(r.PRICING),
        "citylearn-pricing",
        2,
    ),
    Case("Seoul, a byte order mark and quotes", "a.csv", r.quoted(r.SEOUL), "seoul-daily", 2),
    Case("NEM12", "a.csv", b"100,NEM12,202401010000,MDA,RET\n200,N1,E1,E1,E1,N1,M1,kWh,30,\n900\n", None, 0),
    Case(
        "Green Button",
        "a.xml",
        b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>',
        None,
        0,
    ),
    Case("FHIR", "a.json", b'{"resourceType": "Observation", "status": "final"}', None, 0),
)


def recognised(case: Case) -> str | None:
    """Return the format of a case as the replay finds it."""
    known = formats().values()
    head = case.data[: 1 << 16]
    if head.startswith(b"\xff\xfe"):  # as `source.head_of`
        head = head.decode("utf-16").encode()
    found = next((each for each in known if each.matches(head)), None) or next(
        (each for each in known if each.matches_name and each.matches_name(head, case.file)), None
    )
    return found.name if found else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reported_source_is_read(case: Case) -> None:
    """By its format, every byte accounted for, and with what must hold."""
    assert recognised(case) == case.form
    if case.form is None:
        return
    items: list[Item] = accounted(Seed(formats()[case.form], Path(case.file), {}), {"": case.data})
    refused = [item for item in items if isinstance(item, Refused)]
    assert len(refused) == len(case.refused), refused
    for item, rule in zip(refused, case.refused, strict=True):
        assert item.rule.startswith(rule), item
    accepted = [item for item in items if isinstance(item, Accepted)]
    assert len(accepted) == case.accepted, items
    assert case.holds([draft.fields for item in accepted for draft in item.drafts])
