"""Who has the public file and reads every topic without a key finds no row better than by chance (docs/privacy.md)."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from streams.domains.health import agents
from streams.domains.health.days import half_of
from streams.identity.pseudonyms import pseudonym
from streams.identity.secret import DeploymentSecret
from streams.replay.recordings import bundled
from tests.harness.forgetting import forget
from tests.streams.domains.health.attacker import Attacker, correct, membership, row_of, truth
from tests.streams.domains.health.observed import CATALOG, SECRET, Seen, groups, of_topic, place_secret, run
from tests.streams.domains.health.people import nhanes
from tests.streams.domains.health.transport import library, member

ROWS = 300
MOST = 8
"""Most correct guesses of one method where the expectation is one: of a random order, more come in 1 of 900,000."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first rows of the survey that the platform carries."""
    (whole,) = bundled("health")
    path = tmp_path_factory.mktemp("public") / "survey.tsv"
    path.write_bytes(b"".join(gzip.decompress(whole.read_bytes()).splitlines(keepends=True)[: ROWS + 1]))
    return path


@pytest.fixture(scope="module")
def seen(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """Replay it, with all rules."""
    return run(tmp_path_factory.mktemp("city"), recording)


def test_no_method_links_pseudonyms_to_rows_better_than_chance(recording: Path, seen: list[Seen]) -> None:
    """Neither ids, sources, orders, missing fields and lengths, nor all of them together."""
    attacker = Attacker(recording, seen)
    rows = truth(attacker)
    assert len(rows) == len({each.key for each in attacker.measured}) == ROWS
    found = {name: correct(guess, rows) for name, guess in attacker.guesses()}
    assert len(found) > 10
    assert {name: count for name, count in found.items() if count > MOST} == {}


def test_the_order_of_arrival_does_not_follow_the_file(recording: Path, seen: list[Seen]) -> None:
    """Rank correlation of arrival and row, over all records and in each partition of two, is that of a random order."""
    attacker = Attacker(recording, seen)
    row = row_of(attacker)
    for topic in (agents.MEASUREMENT, agents.CLASSIFICATION):
        arrived = [(each.key, row[each.event["source"]]) for each in of_topic(seen, topic)]
        for part in (arrived, *([each for each in arrived if half_of(each[0]) == side] for side in (0, 1))):
            rows = [place for _, place in part]
            assert abs(spearman(rows)) < 4 / (len(rows) - 1) ** 0.5, topic


def spearman(values: list[int]) -> float:
    """Return the rank correlation of values and their places."""
    ranks = {value: rank for rank, value in enumerate(sorted(values))}
    n = len(values)
    off = sum((place - ranks[value]) ** 2 for place, value in enumerate(values))
    return 1 - 6 * off / (n * (n * n - 1))


def test_all_records_of_persons_look_alike(seen: list[Seen]) -> None:
    """In each topic: one size, no field null, one length of each field, the same headers but for `cause`."""
    for topic in (agents.MEASUREMENT, agents.CLASSIFICATION, agents.COHORT_ENTRY):
        records = [each for each in of_topic(seen, topic) if each.event["person"] is not None]
        assert len(records) == ROWS
        assert len({(each.size, each.personal) for each in records}) == 1, topic
        assert None not in records[0].personal
        assert len({tuple(name for name, _ in each.headers) for each in records}) == 1
    assert list(groups(seen).values()) == [ROWS]


def test_extreme_rows_look_like_all_others(tmp_path: Path) -> None:
    """A row without any value, a child's, and one whose every value is absurd."""
    path = tmp_path / "people.tsv"
    empty = dict.fromkeys(("Gender", "AgeInYearsAtScreening", "WeightKg", "StandingHeightCm"), "")
    absurd = {"WeightKg": "9e30", "StandingHeightCm": "1", "WaistCircumferenceCm": "-4", "TotalPercentFat": "1e3",
              "TrunkPercentFat": "1e3", "TrunkFatG": "1e9", "60SecPulse30SecPulse2": "1e9",
              "SystolicBloodPres1StRdgMmHg": "1e9", "DiastolicBloodPres1StRdgMmHg": "1e9",
              "BodyMassIndexKgm2": "1e9"}  # fmt: skip
    path.write_bytes(nhanes({}, empty, {"AgeInYearsAtScreening": "3"}, absurd))
    found = run(tmp_path / "city", path)
    for topic in (agents.MEASUREMENT, agents.CLASSIFICATION, agents.COHORT_ENTRY):
        records = [each for each in of_topic(found, topic) if each.event["person"] is not None]
        assert [len({(each.size, each.personal) for each in records}), len(records)] == [1, 4], topic


def test_the_dead_letter_of_an_erased_person_does_not_name_the_row(tmp_path: Path) -> None:
    """`platform.erasure` names the pseudonym: a row number beside it would say who it was."""
    path, data = tmp_path / "people.tsv", tmp_path / "city"
    path.write_bytes(nhanes(*[{}] * 30))
    place_secret(data)
    for person in ("nhanes:93705", "nhanes:93720"):
        name = pseudonym(DeploymentSecret(SECRET), agents.DOMAIN, person)
        assert forget(data / "keys", CATALOG, person)[0].subject == name
    found = run(data, path)
    letters = of_topic(found, "health.dead-letter")
    assert len(letters) == len({each.event["event_id"] for each in letters}) == 2
    for each in letters:
        event = each.event
        assert (event["origin"]["record"], event["origin"]["line"], event["length"]) == (0, None, 0)
        assert event["rule"] == "erased-person@1"
        for text in (event["key"], event["source"]):
            assert len(text.replace("#", ":").rpartition(":")[2]) == 16
    assert len(of_topic(found, agents.MEASUREMENT)) == 28


def test_of_a_survey_in_several_files_only_the_files_of_a_person_are_visible(tmp_path: Path) -> None:
    """A person is in some of the components: the pattern is visible, and nothing else."""
    persons = range(93_703, 93_703 + 120)
    files: dict[str, list[dict[str, float | str | None]]] = {
        "DEMO_J": [{"SEQN": float(n), "RIAGENDR": 1.0 + n % 2, "RIDAGEYR": 30.0 + n % 40} for n in persons],
        "BMX_J": [
            {"SEQN": float(n), "BMXWT": 50.0 + n % 50, "BMXHT": None if n % 7 else 170.0}
            for n in persons
            if n % 3
        ],
        "BPX_J": [{"SEQN": float(n), "BPXSY1": 110.0 + n % 30, "BPXDI1": 70.0} for n in persons if n % 4],
    }
    paths = []
    for name, rows in files.items():
        paths.append(tmp_path / f"{name}.xpt")
        paths[-1].write_bytes(library(member(name, rows)))
    found = run(tmp_path / "city", *paths)
    looks = groups(found)
    assert sorted(looks.values()) == sorted(Counter((bool(n % 3), bool(n % 4)) for n in persons).values())
    attackers = [Attacker(path, found) for path in paths]
    for attacker in attackers:
        own = truth(attacker)
        for name, guess in attacker.guesses():
            assert correct(guess, own) <= MOST, (attacker.source, name)
    everyone = truth(attackers[0])
    assert correct(membership(attackers), everyone) <= len(looks) + 3 * len(looks) ** 0.5 + 3
