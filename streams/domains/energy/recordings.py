"""Declares the public file formats of the domain; each format has its module beside this one.

In two formats only the file's name has the meter (`Building_1`, `customer12`). So the readers get the path as well
(`Format.named`), and refuse every row of a file whose name has no meter.
"""

from streams.domains.energy import ausgrid_wide
from streams.domains.energy.ausgrid import AUSGRID
from streams.domains.energy.citylearn import CARBON, HOME, PRICING
from streams.domains.energy.photovoltaics import DAILY_ROOF, NREL_MINUTES, NREL_QUARTERS
from streams.domains.energy.tables import DOMAIN
from streams.readers.formats import Format

TABLES = (AUSGRID, HOME, PRICING, CARBON, NREL_MINUTES, NREL_QUARTERS, DAILY_ROOF)

FORMATS = (
    *(
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
    ),
    Format(
        ausgrid_wide.NAME,
        DOMAIN,
        "one customer's day: its rows of GC, CL and GG",
        ausgrid_wide.DIALECT.matches,
        ausgrid_wide.read,
    ),
)
