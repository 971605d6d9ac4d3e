"""`city dashboards push`: what it sends to Grafana's HTTP API and what it says, against a strict stub of that API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dashboards.build import boards
from dashboards.style import DATASOURCE_UID, FOLDER_TITLE, FOLDER_UID
from tests.dashboards.grafana_stub import VERSION
from tests.dashboards.pushing_city import CATALOG, CLICKHOUSE, FIRST, UIDS, City, pushing_city

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def city() -> Iterator[City]:
    """A city with an empty Grafana."""
    with pushing_city() as city:
        yield city


def test_a_first_push_creates_everything_and_says_so(city: City) -> None:
    """Folder, permissions, data source and every board; one line each, and a summary."""
    lines = city.push()
    grafana = city.grafana
    assert grafana.folders[FOLDER_UID]["title"] == FOLDER_TITLE
    assert {uid: kept["folderUid"] for uid, kept in grafana.boards.items()} == dict.fromkeys(UIDS, FOLDER_UID)
    assert grafana.sources[DATASOURCE_UID]["jsonData"]["port"] == 18123
    assert grafana.passwords == {DATASOURCE_UID: CLICKHOUSE.password}
    assert lines[0] == f"folder {FOLDER_UID}: created, 'City'"
    assert lines[1].startswith("folder permissions: changed, viewers and editors may view, administrators")
    assert lines[2] == f"data source {DATASOURCE_UID}: created"
    assert lines[3:-1] == [f"board {uid}: created, /d/{uid}/{uid}" for uid in UIDS]
    assert lines[-1] == f"Grafana {VERSION} at {city.url}/: {len(UIDS) + 2} created, 1 changed, 0 unchanged"


@pytest.mark.parametrize("rewrites", [False, True], ids=["kept as sent", "rewritten by Grafana"])
def test_a_second_push_sends_nothing_but_the_password(city: City, rewrites: bool) -> None:
    """Also if Grafana rewrites what it saves; the password is sent again, because it is never returned."""
    city.grafana.rewrites = rewrites
    city.push()
    lines = city.push()
    assert [change[:2] for change in city.grafana.changes] == [
        ("PUT", f"/api/datasources/uid/{DATASOURCE_UID}")
    ]
    assert "its password is sent again" in lines[2]
    assert lines[-1].endswith(f": 0 created, 0 changed, {len(UIDS) + 3} unchanged")


def test_a_board_changed_by_hand_is_shown_by_a_dry_run_and_overwritten_by_a_push(city: City) -> None:
    """The difference names what would change; the dry run sends nothing, the push only that board."""
    city.push()
    city.grafana.save_by_hand(FIRST, title="Mine\x1b[31m now")
    lines = city.push(dry_run=True)
    assert city.grafana.changes == []
    assert f"board {FIRST}: would be changed" in lines
    assert "    --- in Grafana" in lines
    assert '    -  "title": "Mine\\u001b[31m now",' in lines
    assert lines[-1].endswith("; nothing was sent (--dry-run)")
    city.push(clickhouse=None)
    assert [body["dashboard"]["uid"] for *_, body in city.grafana.changes] == [FIRST]
    assert city.grafana.boards[FIRST]["dashboard"]["title"] == boards(CATALOG)[FIRST]["title"]


@pytest.mark.parametrize("carried", [False, True], ids=["without a message", "message carried over"])
def test_a_change_by_hand_is_seen_where_grafana_rewrites_boards(city: City, carried: bool) -> None:
    """The newest version is not one that a push made, even if it has the message of the one before."""
    city.grafana.rewrites = True
    city.push()
    city.grafana.save_by_hand(FIRST, title="Mine")
    if carried:
        city.grafana.versions[FIRST][-1]["message"] = city.grafana.versions[FIRST][-2]["message"]
    assert f"board {FIRST}: would be changed" in city.push(dry_run=True)
    city.push()
    assert f"board {FIRST}: unchanged" in city.push()


def test_a_dry_run_on_an_empty_grafana_sends_nothing(city: City) -> None:
    """Everything would be created."""
    lines = city.push(dry_run=True)
    assert city.grafana.changes == []
    assert not city.grafana.folders
    assert f"folder {FOLDER_UID}: would be created, 'City'" in lines
    assert all(f"board {uid}: would be created" in lines for uid in UIDS)


def test_folder_data_source_and_place_of_a_board_are_brought_back(city: City) -> None:
    """A renamed folder, a data source pointed elsewhere, a board in another folder: changed, and shown before."""
    city.push()
    grafana = city.grafana
    grafana.folders["city-other"] = {"uid": "city-other", "title": "Other"}
    grafana.folders[FOLDER_UID]["title"] = "Renamed"
    grafana.sources[DATASOURCE_UID]["jsonData"] = {"host": "elsewhere"}
    grafana.boards[FIRST]["folderUid"] = "city-other"
    shown = "\n".join(city.push(dry_run=True))
    for piece in ('-  "title": "Renamed"', '-    "host": "elsewhere"', "moved from folder city-other"):
        assert piece in shown
    assert grafana.changes == []
    city.push()
    assert grafana.folders[FOLDER_UID]["title"] == FOLDER_TITLE
    assert grafana.sources[DATASOURCE_UID]["jsonData"]["host"] == "127.0.0.1"
    assert grafana.boards[FIRST]["folderUid"] == FOLDER_UID


def test_permissions_leave_viewers_and_editors_only_views(city: City) -> None:
    """Roles are set; what single persons and teams were given there stays, and is said."""
    city.push()
    given = city.grafana.grants[FOLDER_UID]
    assert {each["role"]: each["permission"] for each in given if "role" in each} == {
        "Viewer": 1,
        "Editor": 1,
    }
    given += [{"teamId": 5, "permission": 2}, {"teamId": 6, "permission": 1}]
    given[0]["permission"] = 4
    line = city.push()[1]
    assert line.endswith("administrators may change, and so may 2 users or teams named there")
    assert {"teamId": 5, "permission": 2} in city.grafana.grants[FOLDER_UID]
    assert {"role": "Viewer", "permission": 1} in city.grafana.grants[FOLDER_UID]


def test_permissions_that_may_not_be_set_are_left_and_said(city: City) -> None:
    """403 is a line, the boards are pushed."""
    city.grafana.sets_permissions = False
    lines = city.push()
    assert lines[1] == "folder permissions: left as it is, this user or token may not set them (403)"
    assert set(city.grafana.boards) == set(UIDS)


def test_permissions_and_data_source_are_kept_if_asked(city: City) -> None:
    """Neither is read nor sent."""
    city.push(clickhouse=None, keep_permissions=True)
    paths = {path for _, path in city.grafana.asked}
    assert not any("permissions" in path or "datasources" in path for path in paths)


def test_a_push_takes_the_default_data_source_from_no_other(city: City) -> None:
    """Neither when it creates nor when it changes; where ours was made the default one it stays so."""
    city.push()
    assert city.grafana.sources[DATASOURCE_UID]["isDefault"] is False
    city.grafana.sources[DATASOURCE_UID]["isDefault"] = True
    assert ": unchanged, " in city.push()[2]
    assert city.grafana.sources[DATASOURCE_UID]["isDefault"] is True


def test_what_comes_from_files_is_unchanged_or_refused(city: City) -> None:
    """A provisioned board or data source that is the same needs nothing; one that differs is named."""
    city.push()
    city.grafana.sources[DATASOURCE_UID]["readOnly"] = True
    city.grafana.boards[FIRST]["provisioned"] = True
    lines = city.push()
    assert city.grafana.changes == []
    assert "its password is not sent" in lines[2]
    city.grafana.boards[FIRST]["dashboard"]["title"] = "Mine"
    city.grafana.versions[FIRST].append({"message": ""})
    assert f"board {FIRST} differs: it comes from files" in city.refused()
    city.grafana.sources[DATASOURCE_UID]["name"] = "Mine"
    assert "--keep-datasource leaves it" in city.refused()


def test_a_board_saved_in_a_newer_form_is_overwritten(city: City) -> None:
    """Grafana answers 406 for it."""
    city.push()
    city.grafana.instead["GET", f"/api/dashboards/uid/{FIRST}"] = (
        406,
        {"message": "unsupported api version"},
    )
    assert f"board {FIRST}: changed, saved there in a newer form, overwritten, /d/" in "\n".join(city.push())


def test_a_push_that_was_cut_off_goes_on_where_it_ended(city: City) -> None:
    """What was sent is unchanged the second time."""
    city.grafana.instead["GET", f"/api/dashboards/uid/{UIDS[2]}"] = (503, {"message": "later"})
    assert "503 later" in city.refused()
    city.grafana.instead.clear()
    city.push(clickhouse=None)
    assert [body["dashboard"]["uid"] for *_, body in city.grafana.changes] == UIDS[2:]


def test_the_boards_are_sent_as_they_are_built(city: City) -> None:
    """The stub keeps what was sent; the digest of it stands in the version's message, within Grafana's limit."""
    city.push()
    for uid, board in boards(CATALOG).items():
        kept = {name: value for name, value in city.grafana.boards[uid]["dashboard"].items() if name != "id"}
        assert json.dumps(kept | {"version": 1}, sort_keys=True) == json.dumps(
            board | {"version": 1}, sort_keys=True
        )
        assert len(city.grafana.versions[uid][-1]["message"]) < 500
