"""`city dashboards push`: what it sends to Grafana's HTTP API and what it says, against a strict stub of that API."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards
from dashboards.datasource import ClickHouseAddress
from dashboards.errors import PushError
from dashboards.push.difference import MOST_CHARACTERS, MOST_COMPARED, MOST_LINES, difference
from dashboards.push.run import push
from dashboards.style import DATASOURCE_UID, FOLDER_TITLE, FOLDER_UID
from infra.grafana.address import parse
from infra.grafana.client import connect
from infra.grafana.credentials import Credentials
from infra.grafana.push_report import report
from schemas.catalog import load_catalog
from tests.dashboards.grafana_stub import VERSION, Grafana, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "geheim und lang"
BASIC = f"Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}"
CLICKHOUSE = ClickHouseAddress("http://127.0.0.1:18123", "board", "clickhouse-geheim")
SAVE = ("POST", "/api/dashboards/db")
FIRST = "city-overview"
CATALOG = load_catalog()
UIDS = list(boards(CATALOG))


class City:
    """A city that pushes to a Grafana."""

    def __init__(self, grafana: Grafana, port: int) -> None:
        self.grafana = grafana
        self.url = f"http://127.0.0.1:{port}"

    def push(self, clickhouse: ClickHouseAddress | None = CLICKHOUSE, **options: bool) -> list[str]:
        """Push, and return the lines that are printed; what was asked before is forgotten."""
        self.grafana.changes.clear()
        there = connect(parse(self.url), Credentials(BASIC, (PASSWORD, BASIC)), (CLICKHOUSE.password,))
        steps = push(there, CATALOG, clickhouse, **options)
        return list(report(there, steps, dry_run=options.get("dry_run", False)))

    def refused(self, **options: bool) -> str:
        """Push, and return the one line of the error."""
        with pytest.raises(PushError) as error:
            self.push(**options)
        line = str(error.value)
        assert "\n" not in line
        assert line.isprintable()
        assert len(line) < 600
        assert "geheim" not in line
        assert BASIC[6:] not in line
        return line


@pytest.fixture
def city() -> Iterator[City]:
    """An empty Grafana with the plug-in; whatever is asked of it must be in its document."""
    grafana = Grafana({BASIC})
    server = serve(grafana)
    yield City(grafana, server.server_address[1])
    server.shutdown()
    server.server_close()
    assert not grafana.faults


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


REFUSALS: dict[str, tuple[tuple[str, str], int, Any, str]] = {
    "401": (("GET", f"/api/folders/{FOLDER_UID}"), 401, {"message": "Invalid API key"}, "--token-file"),
    "403": (SAVE, 403, {"message": "Access denied"}, "role Admin"),
    "404 later": (SAVE, 404, {"message": "gone"}, "404 gone"),
    "409": (("POST", "/api/datasources"), 409, {"message": "same name"}, "has that name"),
    "412": (SAVE, 412, {"message": "changed", "status": "version-mismatch"}, "nothing was overwritten"),
    "422": (SAVE, 422, {"message": "unprocessable"}, "422 unprocessable"),
    "500 without JSON": (SAVE, 500, b"<html>" + b"x" * 5000, "500 (a web page)"),
    "provisioned": (
        SAVE,
        400,
        {"message": "Cannot save provisioned dashboard"},
        "files on Grafana's machine",
    ),
    "repeats secrets": (SAVE, 400, {"message": f"{PASSWORD} {BASIC} {CLICKHOUSE.password}"}, "400 …"),
    "escapes": (SAVE, 400, {"message": "a\x1b]0;b\x07\nc\u202ed"}, "a\\x1b]0;b\\x07 c\\u202ed"),
    "endless message": (SAVE, 400, {"message": "x" * 60_000}, "xxx…"),
    "no message": (SAVE, 400, {"message": {"a": 1}}, ": 400"),
    "an error as a list": (SAVE, 400, [1], ": 400"),
    "a list for an object": (("GET", f"/api/folders/{FOLDER_UID}"), 200, [1], "as Grafana's API does"),
    "an object for a list": (
        ("GET", f"/api/folders/{FOLDER_UID}/permissions"),
        200,
        {},
        "as Grafana's API does",
    ),
    "a board without content": (("GET", f"/api/dashboards/uid/{FIRST}"), 200, {}, "as Grafana's API returns"),
    "not Grafana": (("GET", "/api/health"), 404, b"<h1>Not Found</h1>", "no Grafana answers there"),
    "other JSON": (("GET", "/api/health"), 200, {"status": "UP"}, "no Grafana answers there"),
    "a page": (("GET", "/api/health"), 200, b"<!doctype html>sign in", "a sign-in page"),
    "empty": (("GET", "/api/health"), 200, b"", "not JSON"),
    "deep": (("GET", "/api/health"), 200, b"[" * 100_000, "not JSON"),
    "elsewhere": (("GET", "/api/health"), 302, b"https://login.example/", "refused a redirect"),
    "huge": (("GET", f"/api/dashboards/uid/{FIRST}"), 200, b" " * ((16 << 20) + 1), "at most 16777216 bytes"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_grafana_refuses_is_one_line_without_secrets(city: City, case: str) -> None:
    """Each names the address, and what to do or what Grafana says."""
    where, status, body, words = REFUSALS[case]
    city.grafana.instead[where] = (status, body)
    line = city.refused()
    assert words in line
    assert line.startswith(f"{city.url}/: ")


def test_a_sign_in_page_on_the_same_host_is_named(city: City) -> None:
    """A redirect to it is followed, and what comes is no JSON."""
    city.grafana.instead |= {
        ("GET", "/api/health"): (302, b"/login"),
        ("GET", "/login"): (200, b"<html>sign in</html>"),
    }
    assert "a sign-in page" in city.refused()


def test_without_the_plugin_nothing_is_changed_and_the_line_says_how_to_install_it(city: City) -> None:
    """Boards without it would be empty."""
    city.grafana.plugin = False
    assert "grafana cli plugins install grafana-clickhouse-datasource" in city.refused()
    assert city.grafana.changes == []


def test_who_may_not_ask_for_the_plugin_pushes_all_the_same(city: City) -> None:
    """403 is not "not installed"."""
    path = "/api/plugins/grafana-clickhouse-datasource/settings"
    city.grafana.instead["GET", path] = (403, {"message": "Access denied"})
    city.push()
    assert set(city.grafana.boards) == set(UIDS)


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


def test_a_difference_is_bounded_and_printable() -> None:
    """In lines, in their length, in what is compared, in depth; nothing reaches the terminal as a control character."""
    lines = difference({"a": ["x" * 500] * 300}, {"a": [f"y{n}" for n in range(300)]})
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].endswith("more lines")
    assert max(len(line) for line in lines) <= MOST_CHARACTERS
    assert "".join(difference({"a": "\x7f\x9b"}, {})).isprintable()
    assert difference([0] * (MOST_COMPARED + 1), [])[0].startswith("too long")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deep" in difference(deep, [])[0]
    assert difference({"b": 1, "a": 2}, {"a": 2, "b": 1}) == ()


def test_the_boards_are_sent_as_they_are_built(city: City) -> None:
    """The stub keeps what was sent; the digest of it stands in the version's message, within Grafana's limit."""
    city.push()
    for uid, board in boards(CATALOG).items():
        kept = {name: value for name, value in city.grafana.boards[uid]["dashboard"].items() if name != "id"}
        assert json.dumps(kept | {"version": 1}, sort_keys=True) == json.dumps(
            board | {"version": 1}, sort_keys=True
        )
        assert len(city.grafana.versions[uid][-1]["message"]) < 500
