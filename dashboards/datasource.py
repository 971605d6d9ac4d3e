"""The data source of all boards, in the form that Grafana's HTTP API and its provisioning files share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dashboards.style import DATASOURCE_TYPE, DATASOURCE_UID


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
