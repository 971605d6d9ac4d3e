"""A `grafana-server` installed on the machine, provisioned from files: data source, folder, boards.

Nothing is downloaded: where no Grafana is found, `HOW_TO_GET` says how to get one with its ClickHouse plug-in. It
listens on the loopback and sends nothing anywhere (no analytics, no update checks, no gravatar). Its data source
reads ClickHouse as the user `board`, its administrator has the password of `keys/grafana-admin-password`, and nobody
sees boards without signing in unless CITY_GRAFANA_ANONYMOUS=on.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.build import write
from dashboards.datasource import ClickHouseAddress, datasource
from dashboards.style import DATASOURCE_TYPE, FOLDER_TITLE, FOLDER_UID
from infra.settings import Switch
from schemas.names import board_uid

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog

PROGRAMS = ("grafana-server", "grafana")
PACKAGE_HOME = Path("/usr/share/grafana")
"""Home of Grafana's packages for Debian and RPM, whose programs lie elsewhere (`/usr/sbin`)."""
HOW_TO_GET = (
    "boards: no grafana-server on this machine; install Grafana 12 or 13 (grafana.com/grafana/download) and its "
    f"plug-in (grafana cli plugins install {DATASOURCE_TYPE}), then start again; or push the boards to one that "
    "runs elsewhere: city dashboards push --grafana http://admin@HOST:3000 --password-file FILE"
)


@dataclass(frozen=True)
class GrafanaProcess:
    """Command, environment and address of a Grafana process."""

    command: tuple[str, ...]
    environment: dict[str, str]
    url: str


def find() -> tuple[str, ...] | None:
    """Return the command that starts Grafana, or None if it is not installed."""
    for name in PROGRAMS:
        path = shutil.which(name)
        if path:
            return (path,) if name == "grafana-server" else (path, "server")
    return None


def home_of(program: Path) -> Path | None:
    """Return the home of the Grafana that a program belongs to: the folder with `conf/defaults.ini` and `public`.

    An unpacked archive has its programs in `bin` of its home; Homebrew, Nix and others have the home in
    `share/grafana` beside `bin`. Links are followed.

    Args:
        program: `grafana` or `grafana-server`, as found on the PATH.

    Returns:
        The home; None where the program must find it itself.
    """
    beside = [path.parent.parent for path in (program, program.resolve())]
    candidates = [*(home for base in beside for home in (base, base / "share" / "grafana")), PACKAGE_HOME]
    return next((home for home in candidates if (home / "conf" / "defaults.ini").is_file()), None)


def prepare(settings: Settings, catalog: Catalog, port: int) -> GrafanaProcess | None:
    """Write the provisioning below `<data>/grafana`.

    Args:
        settings: The stack.
        catalog: Its catalogue; the boards are built from it.
        port: Loopback port to listen on.

    Returns:
        How to start Grafana, or None if it is not installed.
    """
    program = find()
    if program is None:
        return None
    home = settings.data.absolute() / "grafana"
    boards = home / "boards"
    shutil.rmtree(boards, ignore_errors=True)
    write(catalog, boards)
    _provision(home / "provisioning", settings, boards)
    paths = {
        "DATA": home / "data",
        "LOGS": home / "logs",
        "PROVISIONING": home / "provisioning",
    }
    environment = {f"GF_PATHS_{name}": str(path) for name, path in paths.items()} | {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_SECURITY_ADMIN_USER": "admin",
        "GF_SECURITY_ADMIN_PASSWORD": str(settings.grafana_password),
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "true" if settings.grafana_anonymous is Switch.ON else "false",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(boards / f"{board_uid('overview')}.json"),
    }
    share = home_of(Path(program[0]))
    arguments = ("--homepath", str(share)) if share else ()
    return GrafanaProcess(
        (*program, *arguments), environment, f"http://127.0.0.1:{port}/dashboards/f/{FOLDER_UID}"
    )


def _provision(folder: Path, settings: Settings, boards: Path) -> None:
    """Write data source and boards provider; JSON is YAML."""
    address = ClickHouseAddress(settings.clickhouse_url, settings.board_user, str(settings.board_password))
    provider = {
        "name": FOLDER_TITLE,
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "type": "file",
        "options": {"path": str(boards)},
    }
    for kind, content in (
        ("datasources", {"apiVersion": 1, "datasources": [datasource(address)]}),
        ("dashboards", {"apiVersion": 1, "providers": [provider]}),
    ):
        path = folder / kind / "city.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=2) + "\n")
