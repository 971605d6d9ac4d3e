"""The formats of cargo recordings. Each format has its reader in this package; the README defines source records."""

from streams.domains.cargo import ais_csv, ais_dma, ais_json, ais_nmea, dcsa, epcis_json, epcis_xml
from streams.readers.formats import Format

DOMAIN = "cargo"

EPCIS_TOGETHER = "epcis-capture-together@1"
"""EPCIS rolls a capture back as a whole unless its sender asks otherwise (`GS1-Capture-Error-Behaviour: rollback`)."""

FORMATS = (
    Format(
        epcis_json.NAME,
        DOMAIN,
        "one EPCIS event",
        epcis_json.matches,
        epcis_json.read,
        together=EPCIS_TOGETHER,
    ),
    Format(
        epcis_xml.NAME, DOMAIN, "one EPCIS event", epcis_xml.matches, epcis_xml.read, together=EPCIS_TOGETHER
    ),
    *(
        Format(each.name, DOMAIN, "one DCSA event", each.matches, each.read, together=dcsa.ATOMICITY_RULE)
        for each in dcsa.VERSIONS
    ),
    Format(ais_nmea.NAME, DOMAIN, "one AIS sentence group", ais_nmea.matches, ais_nmea.read),
    Format(ais_json.NAME, DOMAIN, "one JSON line of AIS sentences", ais_json.matches, ais_json.read),
    Format(ais_csv.NAME, DOMAIN, "one CSV data row", ais_csv.matches, ais_csv.read),
    Format(ais_dma.NAME, DOMAIN, "one CSV data row", ais_dma.matches, ais_dma.read),
)
