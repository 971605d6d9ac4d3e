"""Prints what links pseudonyms to rows of the bundled survey, by method: the figures of docs/privacy.md.

uv run python -m tests.streams.domains.health.figures
"""

import tempfile
from collections import Counter
from pathlib import Path

from streams.replay.recordings import bundled
from tests.streams.domains.health.attacker import Attacker, correct, truth
from tests.streams.domains.health.observed import groups, run

COMPONENTS = {
    "BMX": ("body_weight", "body_height", "bmi", "waist_circumference"),
    "DXX": ("percent_body_fat", "trunk_percent_fat", "trunk_fat_mass"),
    "BPX": ("systolic_blood_pressure", "diastolic_blood_pressure", "resting_heart_rate"),
}
"""Fields by the component of the survey in whose file they stand. All persons stand in DEMO."""


def main() -> None:
    """Replay the survey, play the attacker, and print what was found."""
    (survey,) = bundled("health")
    with tempfile.TemporaryDirectory() as folder:
        seen = run(Path(folder), survey)
    attacker = Attacker(survey, seen)
    rows = truth(attacker)
    print(f"{survey.name}: {len(rows)} persons, {len(groups(seen))} visible group; chance names 1 right")
    for name, guess in attacker.guesses():
        print(f"  {name:<38} {correct(guess, rows):>5} right of {len(guess):>5} guesses")
    files = Counter(
        tuple(
            name for name, fields in COMPONENTS.items() if any(row.get(field) is not None for field in fields)
        )
        for row in attacker.rows.values()
    )
    print("the same persons as the survey's own files, one per component: groups that differ in their files")
    for group, persons in sorted(files.items(), key=lambda each: -each[1]):
        print(f"  {'+'.join(('DEMO', *group)):<38} {persons:>5} persons")
    print(f"  chance names {len(files)} right, one in each group")


if __name__ == "__main__":
    main()
