"""Cargo and ports: supply chains, containers, vessels, permits, and reports that cannot be true.

- ``identifiers.py``: container, IMO, MMSI, UN/LOCODE and GS1 numbers and their check digits.
- ``rule_violation.py``, ``word_list.py``, ``instants.py``: what the readers share.
- ``epcis_words.py``, ``epcis_rules.py``, ``epcis_values.py``, ``epcis_query.py``: the rules of EPCIS 2.0.
- ``epcis_event.py``, ``epcis_sensor.py``, ``epcis_json.py``, ``epcis_xml.py``, ``epcis_xml_event.py``: EPCIS in JSON
  and XML → ``cargo.supply-event``; ``epcis_document.py``: back.
- ``dcsa.py``, ``dcsa_2_2.py``, ``dcsa_3_0.py``, ``dcsa_codes.py``, ``dcsa_values.py``: DCSA Track & Trace →
  ``cargo.transport-event``; ``dcsa_document.py``: back.
- ``ais_nmea.py``, ``ais_clock.py``, ``ais_message.py``, ``ais_csv.py``: AIS → ``cargo.vessel-position`` and
  ``cargo.vessel-message``.
- ``containers.py``, ``container_history.py``, ``vessels.py``, ``anomalies.py``: the rules (pure).
- ``agents.py``: the rules on their topics; ``recordings.py``: the formats; ``excerpts/``: bundled recordings.
- ``port_call.py``: generator of ``scenarios/port-call.jsonl``.
"""
