"""Health: classes of body measurements, and counts of classes without persons.

- `bodies.py`, `sheet.py`: exact body values, and the identities of a result sheet.
- `rules.py`: a measurement → its classes and flags (pure).
- `cohorts.py`, `days.py`, `counts.py`: entries of a cohort and of a local day, and rounded counts of their persons.
- `agents.py`: runs the rules on their topics.
- `recordings.py`: public file formats → measurements; `mornings.py`: generates the scenario.
"""
