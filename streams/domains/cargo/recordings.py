"""The field's public formats → events of this domain.

| format | one source record is | becomes |
|---|---|---|
| epcis-json, epcis-xml | an EPCIS event | `cargo.supply-event` |
| dcsa-tnt-2.2, dcsa-tnt-3.0 | a DCSA event | `cargo.transport-event` |
| ais-nmea | an AIS sentence group | `cargo.vessel-position` or `cargo.vessel-message` |
| ais-marinecadastre | a CSV data row | `cargo.vessel-position` |
"""

from streams.domains.cargo import ais_csv, ais_nmea, dcsa, epcis_json, epcis_xml
from streams.formats import Format

DOMAIN = "cargo"


def formats() -> tuple[Format, ...]:
    """Tell the formats of this domain."""
    return (
        epcis_json.format_(),
        epcis_xml.format_(),
        *dcsa.formats(),
        ais_nmea.format_(),
        Format(ais_csv.NAME, DOMAIN, "one CSV data row", ais_csv.matches, ais_csv.read),
    )
