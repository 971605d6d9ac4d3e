"""Limits of values beyond Avro's own: the spelling of a UUID, and the days that a ClickHouse table can hold."""

import datetime as dt
import re
from typing import Final

UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
FIRST_DAY: Final = dt.date(1900, 1, 1).toordinal() - EPOCH_DAY  # range of DateTime64 and Date32
LAST_DAY: Final = dt.date(2299, 12, 31).toordinal() - EPOCH_DAY
PER_DAY: Final = {"timestamp-millis": 86_400_000, "timestamp-micros": 86_400_000_000}
