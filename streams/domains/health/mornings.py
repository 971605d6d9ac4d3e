"""Generates `scenarios/sixty_mornings.jsonl`: an invented resident's 60 mornings on a body analyser.

    python -m streams.domains.health.mornings > streams/domains/health/scenarios/sixty_mornings.jsonl

The parts of a sheet are generated first and its sums follow from the printed parts. So every identity of the sheet
(docs/fields/health.md#result-sheets) holds, except on three mornings that show the flags: a mistyped height, a bag on
the scale, a lost pulse sensor. The resident, a man of 41 and 174 cm, loses fat slowly. The noise is computed from the
seed: the file is the same on every machine.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

SEED = 20260105
MORNINGS = 60
BEGINS_AT = "2026-01-05T07:00:00+09:00"
DAY_MS = 86_400_000
HEIGHT_CM = 174.0
FAT_FROM_KG, FAT_TO_KG = 19.6, 16.3
HEADER = {
    "scenario": 1,
    "title": "A resident's sixty mornings on a body analyser",
    "domain": "health",
    "seed": SEED,
    "facts": [
        "InBody result-sheet guides: weight = TBW + protein + minerals + BFM, TBW = ICW + ECW, lean = dry lean + TBW",
        "ECW ratio healthy at 0.36-0.39 (InBody 570/770 guide)",
        "BMR = 370 + 21.6 x fat-free mass (Cunningham)",
    ],
    "begins_at": BEGINS_AT,
    "about": "Morning 17: mistyped height; morning 33: a bag on the scale; morning 47: pulse sensor lost.",
}


def noise(morning: int, what: int, spread: float) -> float:
    """Return a number within ± spread that depends on `SEED`, morning and purpose alone.

    Args:
        morning: Number of the morning, from 1.
        what: Number of the purpose.
        spread: Largest absolute value.
    """
    value = (SEED + morning * 7919 + what * 104_729) * 2_654_435_761 % 2**32
    value = (value ^ value >> 15) * 2_246_822_519 % 2**32
    return (value / 2**31 - 1) * spread


def sheet(morning: int) -> dict[str, Any]:
    """Return the printed sheet of a morning, as fields of `health.measurement`.

    Args:
        morning: Number of the morning, from 1.
    """
    gone = (morning - 1) / (MORNINGS - 1)
    fat = round(FAT_FROM_KG + (FAT_TO_KG - FAT_FROM_KG) * gone + noise(morning, 1, 0.3), 1)
    inside = round(29.1 + noise(morning, 2, 0.3), 1)
    outside = round(17.7 + noise(morning, 3, 0.2), 1)
    protein, minerals = round(12.6 + noise(morning, 4, 0.1), 1), round(4.3 + noise(morning, 5, 0.05), 1)
    water = round(inside + outside, 1)
    dry = round(protein + minerals, 1)
    lean = round(water + dry, 1)
    weight = round(lean + fat, 1)
    fields = {
        "person": "resident:sixty-mornings",
        "cycle": "sixty-mornings",
        "sex": "MALE",
        "age": 41.0,
        "body_weight": weight,
        "body_height": HEIGHT_CM,
        "bmi": round(weight / (HEIGHT_CM / 100) ** 2, 1),
        "percent_body_fat": round(100 * fat / weight, 1),
        "body_fat_mass": fat,
        "lean_body_mass": lean,
        "dry_lean_mass": dry,
        "skeletal_muscle_mass": round(lean * 0.565, 1),
        "total_body_water": water,
        "intracellular_water": inside,
        "extracellular_water": outside,
        "ecw_ratio": round(outside / water, 3),
        "protein_mass": protein,
        "mineral_mass": minerals,
        "visceral_fat_level": round(fat / 2),
        "phase_angle": round(6.1 + noise(morning, 6, 0.2), 1),
        "basal_metabolic_rate": float(round(370 + 21.6 * lean)),
        "resting_heart_rate": float(round(63 - 4 * gone + noise(morning, 7, 3))),
    }
    return {**fields, **MISHAPS.get(morning, lambda _: {})(fields)}


MISHAPS: dict[int, Any] = {
    17: lambda _: {"body_height": 147.0},
    33: lambda fields: {"body_weight": round(fields["body_weight"] + 7.5, 1)},
    47: lambda _: {"resting_heart_rate": 0.0},
}
"""Fields that are wrong on a morning, by its number."""


def lines() -> Iterator[str]:
    """Yield the lines of the scenario."""
    yield json.dumps(HEADER, ensure_ascii=False)
    for morning in range(1, MORNINGS + 1):
        offset_ms = (morning - 1) * DAY_MS + round(600_000 + noise(morning, 8, 540_000))
        yield json.dumps({"topic": "health.measurement", "offset_ms": offset_ms, "fields": sheet(morning)})


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
