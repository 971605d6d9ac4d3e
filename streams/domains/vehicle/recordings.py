"""The public vehicle formats and where each is read.

- ``envirocar.py``: enviroCar tracks (GeoJSON), one record per feature.
- ``comma2k19.py``: a comma2k19 log (a folder of NumPy arrays), one record per sample of the CAN speed.
- ``tables.py``: NASS-CDS crash records and the helmet-test pulse (CSV), one record per data row.

Every reader ends each vehicle with its closing signal: the last accepted one says ``RECORDING_ENDED``.
"""

from streams.domains.vehicle import comma2k19, envirocar, tables
from streams.formats import Format


def formats() -> tuple[Format, ...]:
    """Tell the formats of this domain."""
    return (envirocar.FORMAT, comma2k19.FORMAT, tables.NASS_CDS, tables.HELMET_TEST)
