"""Vehicles: what they measured, how they drove, and when something happened to them.

- ``signals.py``: what the readers share: plausible ranges, the closing signal.
- ``envirocar.py``, ``comma2k19.py``, ``npy.py``, ``tables.py``: public formats → events; ``recordings.py``
  names them; ``excerpts/`` come with the platform.
- ``crash.py``: change of velocity, direction of force, severity (pure).
- ``trips.py``, ``braking.py``, ``accidents.py``: one signal and what came before it → trips, hard braking,
  accidents (pure); ``accident_state.py``: what is remembered between two signals, as it is persisted.
- ``agents.py``: the thin shell that puts the rules on their topic.
- ``crash_scenario.py``: what made ``scenarios/automated_car_crash.jsonl``, a labelled scenario.

Grace is 0: a signal that is not newer than the last one of its vehicle changes nothing.
"""
