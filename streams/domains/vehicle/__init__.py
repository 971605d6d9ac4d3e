"""Vehicles: signals, trips, hard braking and accidents.

- ``signals.py``: what the readers share: plausible ranges, the closing signal.
- ``envirocar.py``, ``comma2k19.py``, ``npy.py``, ``tables.py``: public formats → events; ``recordings.py`` declares
  them; ``excerpts/``: bundled recordings.
- ``crash.py``: change of velocity, direction of force, severity (pure).
- ``trips.py``, ``braking.py``, ``accidents.py``: one signal and the vehicle's state → trips, hard braking, accidents
  (pure); ``accelerations.py``, ``speeds.py``: the two channels of an accident; ``accident_state.py``: its persisted
  state.
- ``agents.py``: the rules on their topic.
- ``crash_scenario.py``: generator of ``scenarios/automated_car_crash.jsonl``, a labelled scenario.

Grace is 0: a signal that is not newer than the last one of its vehicle changes nothing.
"""
