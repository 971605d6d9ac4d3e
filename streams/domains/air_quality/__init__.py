"""Air quality: what a station's readings mean on the US and the Korean index, and when to say so.

- ``units.py``, ``means.py``: exact numbers, and the averages that the indices are defined on.
- ``us_aqi.py``, ``cai.py``: the two indices.
- ``categories.py``: category names, and when a change of category is told.
- ``plausibility.py``: what is odd about a reading; odd readings are flagged, never refused.
- ``rules.py``: one reading and what came before it → index and category changes (pure).
- ``agents.py``: the thin shell that puts the rules on their topic.
- ``recordings.py``: public file formats → readings; ``excerpts/``: the recordings that come with the
  platform.

Grace is 0: a reading that is not newer than the last one of its station gives no index. Stations report one
interval after the other, and an index that waits for stragglers is an hour late for everybody.
"""
