"""Air quality: the US and the Korean index of a station's readings, and changes of category.

- ``units.py``, ``means.py``: exact numbers, and the averages that the indices are defined on.
- ``scale.py``, ``us_aqi.py``, ``cai.py``: breakpoint tables, and the two indices.
- ``categories.py``: category names, and when a change of category is certain.
- ``plausibility.py``: anomalies of a reading; they are flagged, never refused.
- ``reference.py``: the temperature that gases in µg/m³ refer to.
- ``rules.py``: a reading and the state of its station → index and category changes (pure).
- ``agents.py``: runs the rules on their topic.
- ``recordings.py``: the public file formats; ``cells.py``, ``tables.py``, ``json_pages.py``, ``airkorea.py``,
  ``openaq.py``: how they are read; ``sensors.py``: measurements of single sensors → readings.
- ``excerpts/``: the recordings that come with the platform.

Grace is 0: a reading that is not newer than the last one of its station gives no index. Stations report one interval
after the other, so waiting for late readings would delay every index by an hour.
"""
