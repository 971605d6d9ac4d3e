"""Cargo and ports: what is in the chain, where the box is, which ship is where, and what cannot be true.

- ``identifiers.py``: container, IMO, MMSI, UN/LOCODE and GS1 numbers and their check digits.
- ``broken.py``, ``instants.py``, ``json_spans.py``: a broken rule, ISO 8601 instants, where a JSON value lies.
- ``epcis_words.py``, ``epcis_rules.py``, ``epcis_values.py``, ``epcis_query.py``: what EPCIS 2.0 asks for.
- ``epcis_event.py``, ``epcis_json.py``, ``epcis_xml.py``: both ways of writing it → ``cargo.supply-event``.
- ``dcsa.py``, ``dcsa_event.py``, ``dcsa_2_2.py``, ``dcsa_3_0.py``: Track & Trace → ``cargo.transport-event``.
- ``ais_nmea.py``, ``ais_clock.py``, ``ais_message.py``, ``ais_csv.py``: AIS → ``cargo.vessel-position`` and
  ``-message``.
- ``containers.py``, ``container_history.py``, ``vessels.py``, ``oddities.py``: the rules (pure).
- ``agents.py``: the thin shell; ``recordings.py``: the formats; ``excerpts/``: the recordings that come along.
"""
