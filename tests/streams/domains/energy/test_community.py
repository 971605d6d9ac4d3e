"""A community's balance: closed once, when all of it is there, whatever the order in which members come."""

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy import agents
from streams.domains.energy.communities import MARKET_DAY
from streams.domains.energy.community import ENERGY, INCOMPLETE, CommunityDay, MemberShare, SharedInterval
from streams.testing import Sent, assert_repeats_change_nothing
from tests.properties import fewer
from tests.streams.domains.energy.facts import (
    BEGIN_US,
    CATALOG,
    HANDLERS,
    HOUR_US,
    Event,
    all_derived,
    hourly,
    lengths,
    meter_reading,
    run,
    shares_of,
)
from tests.streams.domains.energy.test_balance import homes

HOURS = 30


def member_shares(
    hours: dict[str, range] | None = None, *, source: str = "replay", closes: bool = True
) -> dict[str, list[Event]]:
    """Derive the shares of all members, each in a recording (or device) of its own."""
    found = {}
    for member in MARKET_DAY.members:
        wanted = (hours or {}).get(member, range(HOURS))
        readings = hourly(member, wanted, source=f"{source}:{member}", closes=closes)
        found[member] = shares_of(run(agents.READING, list(readings)))
    return found


def balances(shares: list[Event], *, batch_size: int = 1_000_000) -> list[Sent]:
    """Fold shares."""
    return run(agents.COMMUNITY_SHARE, shares, batch_size=batch_size)


def newest(sent: list[Sent]) -> list[Sent]:
    """Take each interval's balance with the highest revision, in the order of time."""
    last: dict[tuple[str, int], Sent] = {}
    for each in sent:
        interval = each.key, each.event["occurred_at"]
        if interval not in last or each.event["revision"] > last[interval].event["revision"]:
            last[interval] = each
    return [last[interval] for interval in sorted(last)]


def one_after_the_other(shares: dict[str, list[Event]]) -> list[Event]:
    """Lay the members' shares behind each other, as a replay at full speed does."""
    return [share for member in shares.values() for share in member]


def side_by_side(shares: dict[str, list[Event]]) -> list[Event]:
    """Lay them in the order of time, as the live city does."""
    return sorted(one_after_the_other(shares), key=lambda share: (share["watermark"], share["meter"]))


def test_every_interval_is_balanced_once_over_all_members() -> None:
    """Thirty hours over two days, six members: thirty balances, sums as added by hand, no one missing."""
    found = balances(side_by_side(member_shares()))
    assert [each.event["occurred_at"] for each in found] == [
        BEGIN_US + hour * HOUR_US for hour in range(HOURS)
    ]
    for hour, each in enumerate(found):
        consumption = sum(100 * number + hour for number in range(1, 7))
        generation = sum(70 * number for number in range(1, 7)) if 8 <= hour % 24 <= 16 else 0
        assert (each.event["consumption_wh"], each.event["generation_wh"]) == (consumption, generation)
        assert (each.event["members"], each.event["missing"], each.event["flags"]) == (6, [], [])
        assert each.key == "market-day"


@lengths
def test_the_identity_holds_for_the_community_as_for_each_member(rows: int) -> None:
    """Over all bundled recordings and the scenario; what is shared stays within."""
    derived = all_derived(rows)
    per_hour: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for each in derived:
        if each.topic == agents.BALANCE:
            event = each.event
            assert event["consumption_wh"] + event["export_wh"] == event["generation_wh"] + event["import_wh"]
            assert event["unattributed_wh"] == 0
            assert event["self_consumption_wh"] == event["generation_wh"] - event["export_wh"] >= 0
            per_hour[event["community"], event["occurred_at"]].append(event)
    found = newest(balances(shares_of(derived)))
    assert {each.topic for each in found} == {agents.COMMUNITY_BALANCE}
    assert len(found) == sum(community is not None for community, _ in per_hour) > 0
    for each in found:
        event = each.event
        members = per_hour[event["community"], event["occurred_at"]]
        assert event["members"] == len(members)
        for name in ("consumption_wh", "generation_wh", "import_wh", "export_wh"):
            assert event[name] == sum(member[name] for member in members)
        assert (
            event["consumption_wh"] + event["grid_export_wh"]
            == event["generation_wh"] + event["grid_import_wh"]
        )
        assert event["grid_import_wh"] - event["grid_export_wh"] == event["import_wh"] - event["export_wh"]
        assert min(event["grid_import_wh"], event["grid_export_wh"]) == 0
        assert event["shared_wh"] == min(event["import_wh"], event["export_wh"])


@fewer(times=4)
@given(data=st.data())
def test_the_order_of_members_and_batches_changes_no_byte(data: st.DataObject) -> None:
    """Members' shares interleaved in any way, each member's own order kept: the newest balances have the same bytes."""
    shares = MIXED
    turns = data.draw(st.permutations([member for member, own in shares.items() for _ in own]))
    left = {member: iter(own) for member, own in shares.items()}
    mixed = [next(left[member]) for member in turns]
    batch = data.draw(st.integers(1, 200))
    assert {each.value for each in newest(balances(mixed, batch_size=batch))} == MIXED_BYTES


def test_shares_that_come_again_change_nothing() -> None:
    """Redelivery upstream, at any place: the same facts, the same bytes."""
    for shares in (side_by_side(member_shares()), one_after_the_other(member_shares())):
        assert_repeats_change_nothing(CATALOG, HANDLERS, shares, topic=agents.COMMUNITY_SHARE)


def test_readings_that_come_again_change_nothing() -> None:
    """The same for the rule upstream, ends of days included."""
    readings = list(hourly("market-day-home-2", range(60), source="replay:x", closes=True))
    assert_repeats_change_nothing(CATALOG, HANDLERS, readings, topic=agents.READING)


def test_a_member_that_lacks_hours_is_named() -> None:
    """Once it is past them, or its session has ended, nobody waits for it."""
    found = balances(one_after_the_other(member_shares({"market-day-home-3": range(5, 20)})))
    missing = {(each.event["occurred_at"] - BEGIN_US) // HOUR_US: each.event for each in newest(found)}
    assert sorted(missing) == list(range(HOURS))
    for hour, event in missing.items():
        lacks = not 5 <= hour < 20
        assert event["missing"] == (["market-day-home-3"] if lacks else [])
        assert event["flags"] == ([INCOMPLETE] if lacks else [])


def test_a_home_whose_recording_is_not_played_does_not_empty_the_community() -> None:
    """Its community has the others' sums, and says who is missing, in whatever order they are played."""
    shares = member_shares()
    del shares["market-day-home-5"]
    for laid in (one_after_the_other(shares), side_by_side(shares)):
        found = newest(balances(laid))
        assert [(each.event["occurred_at"] - BEGIN_US) // HOUR_US for each in found] == list(range(HOURS))
        assert {tuple(each.event["missing"]) for each in found} == {("market-day-home-5",)}
        assert {tuple(each.event["flags"]) for each in found} == {(INCOMPLETE,)}
        assert found[0].event["consumption_wh"] == 100 * (1 + 2 + 3 + 4 + 6)


def test_side_by_side_each_interval_is_told_once() -> None:
    """No provisional balance where the members come together."""
    assert len(balances(side_by_side(member_shares()))) == HOURS


def test_a_corrected_share_makes_a_correcting_balance() -> None:
    """The newest balance has the corrected sums and names the balance that it corrects; a repeat changes nothing."""
    shares = side_by_side(member_shares())
    first = next(each for each in shares if each["kind"] == "INTERVAL")
    fixed = {**first, "event_id": first["event_id"][:-1] + "f", "consumption_wh": first["consumption_wh"] + 7}
    fixed |= {"import_wh": first["import_wh"] + 7, "revision": 1}
    found = balances([*shares, fixed, fixed, first])
    assert len(found) == HOURS + 1
    before = next(each.event for each in found if each.event["occurred_at"] == first["occurred_at"])
    after = found[-1].event
    assert (after["corrects"], after["revision"]) == (before["event_id"], before["revision"] + 1)
    assert after["consumption_wh"] == before["consumption_wh"] + 7
    assert after["flags"] == ["CORRECTION"]
    assert balances([*shares, fixed])[-1].value == found[-1].value


@fewer(times=4)
@given(data=st.data())
def test_a_community_is_the_sum_of_its_homes(data: st.DataObject) -> None:
    """Random homes with sun, battery, vehicle, or registers of exchange alone, one of them perhaps missing."""
    left_out = data.draw(st.sampled_from(["", *MARKET_DAY.members]))
    readings = []
    for record, member in enumerate(MARKET_DAY.members, start=1):
        own: dict[str, Any] = data.draw(homes()).measured()
        if data.draw(st.booleans()):
            own = {name: own[name] for name in ("import_wh", "export_wh")}
        if member != left_out:
            readings.append(
                meter_reading(
                    BEGIN_US, record, member, f"replay:{member}", community="market-day", closes=True, **own
                )
            )
    derived = run(agents.READING, readings)
    (found,) = (each.event for each in newest(balances(shares_of(derived))))
    members = [each.event for each in derived if each.topic == agents.BALANCE]
    assert found["missing"] == ([left_out] if left_out else [])
    assert found["partial"] == [each["meter"] for each in members if each["identity"] == "NET"]
    for name in ENERGY:
        assert found[name] == sum(member[name] for member in members)
    came_in = ("generation_wh", "grid_import_wh", "discharge_wh", "ev_discharge_wh")
    went_out = (
        *("consumption_wh", "grid_export_wh", "charge_wh", "ev_charge_wh", "losses_wh"),
        "unattributed_wh",
    )
    assert sum(found[name] for name in came_in) == sum(found[name] for name in went_out)


def test_the_live_city_waits_two_hours_for_a_dead_meter() -> None:
    """Then it closes the interval without it, also the last ones of a day; what it tells later makes newer balances."""
    shares = member_shares(source="device", closes=False)
    dead = shares.pop("market-day-home-5")
    waiting = balances(side_by_side(shares))
    assert [(each.event["occurred_at"] - BEGIN_US) // HOUR_US for each in waiting] == list(range(HOURS - 2))
    assert {tuple(each.event["missing"]) for each in waiting} == {("market-day-home-5",)}
    found = balances([*side_by_side(shares), *dead])
    assert [each.value for each in found[: HOURS - 2]] == [each.value for each in waiting]
    late = found[HOURS - 2 :]
    assert {(tuple(each.event["missing"]), each.event["members"]) for each in late} == {((), 6)}
    assert {each.event["occurred_at"] for each in late} == {
        BEGIN_US + hour * HOUR_US for hour in range(HOURS)
    }


def test_live_meters_and_recordings_of_one_community_do_not_mix() -> None:
    """The city itself, recordings and scenarios are balanced apart."""
    live, played = member_shares(source="device"), member_shares(source="replay")
    pairs = zip(side_by_side(live), side_by_side(played), strict=True)
    found = balances([share for pair in pairs for share in pair])
    simulated = [each for each in found if each.event["source"].startswith("replay:")]
    assert len(found) == 2 * len(simulated) == 2 * HOURS
    assert {each.headers.get("simulated") for each in simulated} == {b"true"}


def test_a_balance_is_that_of_its_shares() -> None:
    """Source and original time are those of the first member, however the shares came."""
    shares = member_shares()
    for own in shares.values():
        for share in own:
            share["recorded_at"] = share["occurred_at"] - HOUR_US
    found = balances(side_by_side(shares))
    assert {each.event["source"].partition("#")[0] for each in found} == {"replay:market-day-home-1"}
    assert all(each.event["recorded_at"] == each.event["occurred_at"] - HOUR_US for each in found)


def test_a_stranger_and_an_unknown_community_are_refused() -> None:
    """What no declaration covers becomes a dead letter that says so."""
    share = member_shares()["market-day-home-1"][0]
    strange: list[dict[str, Any]] = [{**share, "meter": "elsewhere"}, {**share, "community": "nowhere"}]
    reasons = [each.event["reason"] for each in balances(strange)]
    assert "elsewhere is no member of market-day" in reasons[0]
    assert "no community 'nowhere' is declared" in reasons[1]


MIXED = member_shares(
    {member: range(20, 20 + 5 + number) for number, member in enumerate(MARKET_DAY.members)}
)
MIXED_BYTES = {each.value for each in newest(balances(one_after_the_other(MIXED)))}


def test_the_state_of_a_day_keeps_its_persisted_keys() -> None:
    """A changelog that an earlier release wrote is read back."""
    share = MemberShare((1, 2, 3, 4), "id", "00ff", "replay:0#1", None, 1, True)
    value = {
        "closed_to": 1,
        "marks": {"meter": 2},
        "intervals": {
            "3": [{"meter": [(1, 2, 3, 4), "id", "00ff", "replay:0#1", None, 1, True]}, 2, 1, "told"]
        },
        "late": 4,
    }
    day = CommunityDay(1, {"meter": 2}, {3: SharedInterval({"meter": share}, 2, 1, "told")}, 4)
    assert day.to_value() == value
    assert CommunityDay.from_value(value) == day
