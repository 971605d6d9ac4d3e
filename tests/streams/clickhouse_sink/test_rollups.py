"""Roll-up statements run in their order; those of local days once for each zone that the insert touched."""

from collections.abc import Sequence

from streams.clickhouse_sink.rollups import names_zones, refresh

ZONES = "-- the zones\n\nSELECT DISTINCT zone FROM t WHERE _partition = {partition:UInt32}"
LOCAL = "-- one zone\nINSERT INTO daily SELECT toStartOfDay(at, {zone:String}) FROM t"
PLAIN = "INSERT INTO hourly SELECT at FROM t"


def run_of(statements: Sequence[str], zones: Sequence[str]) -> list[tuple[str, dict[str, int | str]]]:
    """Return what was run, with its binds."""
    ran: list[tuple[str, dict[str, int | str]]] = []

    def run(sql: str, **binds: int | str) -> None:
        ran.append((sql, binds))

    def query(sql: str, **binds: int | str) -> list[list[str]]:
        assert sql == ZONES
        assert binds == {"partition": 1, "first": 5, "last": 9}
        return [[zone] for zone in zones]

    refresh(statements, run, query, 1, 5, 9)
    return ran


def test_a_statement_of_local_days_runs_once_for_each_zone() -> None:
    """In a fixed order, with the zone as a bind; others run once."""
    plain: dict[str, int | str] = {"partition": 1, "first": 5, "last": 9}
    assert run_of([ZONES, LOCAL, PLAIN], ["UTC", "Asia/Seoul"]) == [
        (LOCAL, {**plain, "zone": "Asia/Seoul"}),
        (LOCAL, {**plain, "zone": "UTC"}),
        (PLAIN, plain),
    ]


def test_without_zones_a_statement_of_local_days_does_not_run() -> None:
    """An offset range without rows touches no day."""
    assert run_of([ZONES, LOCAL], []) == []
    assert run_of([], ["UTC"]) == []


def test_the_select_of_the_zones_is_told_from_inserts() -> None:
    """Comments before it do not count."""
    assert names_zones(ZONES)
    assert names_zones("select 1")
    assert not names_zones(LOCAL)
    assert not names_zones("-- only a comment")
