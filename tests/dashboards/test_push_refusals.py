"""`city dashboards push` where Grafana refuses, is something else, or answers with nonsense: one line, no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dashboards.style import FOLDER_UID
from tests.dashboards.pushing_city import BASIC, CLICKHOUSE, FIRST, PASSWORD, UIDS, City, pushing_city

if TYPE_CHECKING:
    from collections.abc import Iterator

SAVE = ("POST", "/api/dashboards/db")


@pytest.fixture
def city() -> Iterator[City]:
    """A city with an empty Grafana."""
    with pushing_city() as city:
        yield city


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
