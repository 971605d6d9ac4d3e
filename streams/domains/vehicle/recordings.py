"""The formats of vehicle recordings.

- ``envirocar.py``: enviroCar tracks (GeoJSON), one source record per feature.
- ``comma2k19.py``: a comma2k19 log (a folder of NumPy arrays), one source record per sample of the CAN speed.
- ``gpx.py``: GPX tracks (XML), one source record per track point.
- ``torque.py``: Torque logs (CSV), one source record per data row.
- ``car_scanner.py``: Car Scanner logs (CSV), one source record per moment.
- ``tables.py``: NASS-CDS crash records and the helmet-test pulse (CSV), one source record per data row.

A reader of signals sets ``ends = RECORDING_ENDED`` in the last accepted signal of each vehicle.
"""

from streams.domains.vehicle import car_scanner, comma2k19, envirocar, gpx, torque
from streams.domains.vehicle.signals import DOMAIN
from streams.domains.vehicle.tables import HELMET_TEST, NASS_CDS
from streams.readers.formats import Format

FORMATS = (
    Format(envirocar.NAME, DOMAIN, "one GeoJSON feature", envirocar.matches, envirocar.read),
    Format(
        comma2k19.NAME,
        DOMAIN,
        "one sample of the CAN speed",
        comma2k19.matches,
        comma2k19.read,
        members=comma2k19.members,
    ),
    Format(gpx.NAME, DOMAIN, "one track point", gpx.matches, gpx.read),
    Format(torque.NAME, DOMAIN, "one CSV data row", torque.matches, torque.read),
    Format(
        car_scanner.NAME,
        DOMAIN,
        "the readings of one moment",
        car_scanner.matches,
        car_scanner.read,
        named=car_scanner.read_named,
    ),
    *(
        Format(table.name, DOMAIN, "one CSV data row", table.matches, table.read)
        for table in (NASS_CDS, HELMET_TEST)
    ),
)
