"""Public energy files → readings, tariffs and carbon intensities; each format has its file beside this one.

Two formats keep the meter in the file's name only (`Building_1`, `customer12`): their readers are given the path as
well (`Format.named`), and refuse every row of a file whose name does not tell the meter.
"""

from streams.domains.energy.ausgrid import AUSGRID
from streams.domains.energy.citylearn import CARBON, HOME, PRICING
from streams.domains.energy.photovoltaics import DAILY_ROOF, NREL_MINUTES, NREL_QUARTERS
from streams.domains.energy.tables import DOMAIN
from streams.readers.formats import Format

TABLES = (AUSGRID, HOME, PRICING, CARBON, NREL_MINUTES, NREL_QUARTERS, DAILY_ROOF)


FORMATS = tuple(
    Format(
        table.name,
        DOMAIN,
        "one CSV data row",
        table.matches,
        table.read,
        shifted_with=table.shifted_with,
        named=table.read,
    )
    for table in TABLES
)
