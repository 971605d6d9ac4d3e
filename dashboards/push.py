"""Pushes boards, their folder and the data source to a running Grafana through its HTTP API (grafana-client)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException

from dashboards.build import boards
from dashboards.errors import PushError
from dashboards.style import DATASOURCE_TYPE, DATASOURCE_UID, FOLDER_TITLE, FOLDER_UID

if TYPE_CHECKING:
    from schemas.catalog import Catalog


@dataclass(frozen=True)
class ClickHouseAddress:
    """Address and login of ClickHouse for Grafana.

    Attributes:
        url: `http://host:port`, as seen from Grafana.
        user: User of ClickHouse.
        password: The user's password, never printed.
    """

    url: str
    user: str
    password: str = field(repr=False)


def datasource(address: ClickHouseAddress) -> dict[str, Any]:
    """Return the data source in the form of Grafana's API and provisioning."""
    url = urlsplit(address.url)
    return {
        "uid": DATASOURCE_UID,
        "name": "City ClickHouse",
        "type": DATASOURCE_TYPE,
        "access": "proxy",
        "isDefault": True,
        "jsonData": {
            "host": url.hostname,
            "port": url.port or 8123,
            "protocol": "http",
            "secure": url.scheme == "https",
            "username": address.user,
            "defaultDatabase": "city",
        },
        "secureJsonData": {"password": address.password},
    }


def push(grafana: str, catalog: Catalog, address: ClickHouseAddress | None) -> list[str]:
    """Create or replace the folder, the data source and the boards.

    Args:
        grafana: Grafana's URL, with user and password or a token.
        catalog: Topics and schemas of the boards.
        address: ClickHouse for the data source. None leaves the data source as it is.

    Returns:
        The boards' URLs.

    Raises:
        PushError: Grafana does not answer or refuses.
    """
    try:
        api = GrafanaApi.from_url(grafana)
        _folder(api)
        if address:
            _datasource(api, datasource(address))
        pushed = []
        for board in boards(catalog).values():
            body = {"dashboard": board, "folderUid": FOLDER_UID, "overwrite": True}
            pushed.append(str(api.dashboard.update_dashboard(body)["url"]))
    except GrafanaException as error:
        raise PushError(f"{_without_secrets(grafana)}: Grafana refused: {error}") from error
    except OSError as error:
        raise PushError(f"{_without_secrets(grafana)}: Grafana does not answer: {error}") from error
    return pushed


def _folder(api: Any) -> None:
    known = {folder["uid"] for folder in api.folder.get_all_folders()}
    if FOLDER_UID not in known:
        api.folder.create_folder(FOLDER_TITLE, FOLDER_UID)


def _datasource(api: Any, wanted: dict[str, Any]) -> None:
    known = {source["uid"]: source["id"] for source in api.datasource.list_datasources()}
    if DATASOURCE_UID in known:
        api.datasource.update_datasource(known[DATASOURCE_UID], wanted)
    else:
        api.datasource.create_datasource(wanted)


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 3000}"
